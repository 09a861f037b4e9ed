"""A matrix of families and switches: its arms and contrasts, the cells that are refused, and what is a mistake."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from cnnlab.analysis.tables import io
from cnnlab.analysis.tables.columns import TABLES
from cnnlab.analysis.tables.contrasts import measured_contrasts
from cnnlab.cli.listing import overview
from cnnlab.cli.show import describe
from cnnlab.cli.workflow import Rules
from cnnlab.core import paths
from cnnlab.core.errors import UserError
from cnnlab.planning import model_registry
from cnnlab.planning.config import load_config
from cnnlab.planning.plan import Plan, make_plan
from cnnlab.planning.studies.claims import load_claims
from cnnlab.planning.studies.study import Study
from tests.fakes import judge_studies
from tests.studies import plan_of as planned

TOYS = {
    "wide": {"switches": {"activation": "relu", "normalization": {"default": "none", "choices": ["none", "batch"]}}},
    "deep": {
        "switches": {
            "activation": {"default": "relu", "choices": ["relu", "tanh"]},
            "normalization": {"default": "batch", "choices": ["none", "batch", "group"]},
            "residual": True,
            "dropout": 0.5,
            "shortcut": {"default": "identity", "choices": ["identity", "projection"]},
        },
        "contradictions": [{"when": {"residual": False, "shortcut": "projection"}, "because": "it is plain"}],
    },
    "flat": {
        "switches": {"activation": "sigmoid", "stride": {"default": 2, "from": 1}},
        "refuses": {"normalization": "it has nothing to normalize"},
    },
}
STUDY = """\
study: components
title: Components
question: What does each bring?
figures: [matrix]
base:
  data: {name: mnist5k}
  train: {epochs: 2}
matrix:
  families:
    wide: {label: Wide, model: {architecture: wide}}
    deep: {label: Deep, model: {architecture: deep}, train: {epochs: 4}}
    flat: {model: {architecture: flat}}
  switches:
    normalization:
      title: Batch normalization
      levels: [none, batch]
      labels: {none: plain, batch: normalized}
      effects:
        - {metric: test_error, contrast: {none: 1, batch: -1}, extension: C28}
        - {metric: steps_to_target, contrast: {none: 1, batch: -1}, extension: C26}
    activation:
      levels: [sigmoid, relu]
      effects:
        - {metric: first_gradient_norm, contrast: {relu: 1, sigmoid: -1}}
    residual:
      levels: [false, true]
      effects:
        - {metric: train_loss, contrast: {false: 1, true: -1}, extension: C39}
seeds: 5
"""
# One study of its own: the arms of the family `deep`, in other words.
OTHER = """\
study: other
title: Other
question: Is it the same?
base:
  model: {architecture: deep}
  data: {name: mnist5k}
  train: {epochs: 4}
arms:
  bare: {model: {normalization: none}}
  normalized: {}
seeds: 7
"""
PlanOf = Callable[..., Plan]


@pytest.fixture
def plan_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlanOf:
    """Plans of study files, with the toy architectures on the search path."""
    toys, studies = tmp_path / "toys", tmp_path / "studies"
    toys.mkdir()
    studies.mkdir()
    for name, declared in TOYS.items():
        declared = {
            "title": name.capitalize(),
            "paper": "none",
            "presets": {"small": {"input": [1, 28, 10]}},
            "smallest_image": 1,
            **declared,
            "switches": {**declared["switches"], "initialization": "auto"},
        }
        (toys / f"{name}.py").write_text(f"ARCHITECTURE = {declared!r}\n")
    monkeypatch.setenv(model_registry.SEARCH_PATH, str(toys))

    def plan(*texts: str, **config: Any) -> Plan:
        return planned(studies, *texts, **config)

    return plan


class TestExpansion:
    def test_a_base_arm_per_family_and_one_for_each_level_that_it_lacks(self, plan_of: PlanOf) -> None:
        study = plan_of(STUDY).studies[0]
        assert list(study.arms) == [
            *("wide", "wide normalization=batch", "wide activation=sigmoid"),
            *("deep", "deep normalization=none", "deep residual=false"),
            "flat",
            "flat activation=relu",
        ]
        assert len({arm.spec.arm_id for arm in study.arms.values()}) == len(study.arms)

    def test_a_cell_turns_one_switch_and_nothing_else(self, plan_of: PlanOf) -> None:
        arms = plan_of(STUDY).studies[0].arms
        base, plain = (arms[name].spec for name in ("deep", "deep residual=false"))
        changed = {key: value for key, value in plain.model.switches.items() if value != base.model.switches[key]}
        assert changed == {"residual": False}
        assert plain.model_copy(update={"model": base.model}) == base

    def test_initialization_follows_the_activation_as_in_any_study(self, plan_of: PlanOf) -> None:
        arms = plan_of(STUDY).studies[0].arms
        assert arms["wide"].spec.model.switches["initialization"] == "kaiming"
        assert arms["wide activation=sigmoid"].spec.model.switches["initialization"] == "xavier"

    def test_fields_of_a_family_lie_over_the_base_and_below_the_override(self, plan_of: PlanOf) -> None:
        text = STUDY + "tiers:\n  full: {base: {train: {batch_size: 32}}, seeds: 6}\n"
        study = plan_of(text, tier="full", override={"data": {"limit": 500}}).studies[0]
        trained = {name: (arm.spec.train.epochs, arm.spec.train.batch_size) for name, arm in study.arms.items()}
        assert trained["wide"] == trained["wide normalization=batch"] == (2, 32)
        assert trained["deep"] == trained["deep residual=false"] == (4, 32)
        assert {arm.spec.data.limit for arm in study.arms.values()} == {500}
        assert study.seeds == (0, 1, 2, 3, 4, 5)

    def test_labels(self, plan_of: PlanOf) -> None:
        arms = plan_of(STUDY + "labels: {flat activation=relu: Flat with ReLU}\n").studies[0].arms
        assert [arm.label for arm in arms.values()] == [
            *("Wide", "Wide, normalized", "Wide, activation=sigmoid"),
            *("Deep", "Deep, plain", "Deep, residual=false"),
            *("flat", "Flat with ReLU"),
        ]

    def test_contrasts_keep_their_orientation_whichever_level_the_base_has(self, plan_of: PlanOf) -> None:
        found = {(*each.cell, each.metric): each for each in plan_of(STUDY).studies[0].secondary}
        assert {key: each.contrast for key, each in found.items()} == {
            ("wide", "normalization", "test_error"): {"wide": 1, "wide normalization=batch": -1},
            ("wide", "normalization", "steps_to_target"): {"wide": 1, "wide normalization=batch": -1},
            ("wide", "activation", "first_gradient_norm"): {"wide": 1, "wide activation=sigmoid": -1},
            ("deep", "normalization", "test_error"): {"deep normalization=none": 1, "deep": -1},
            ("deep", "normalization", "steps_to_target"): {"deep normalization=none": 1, "deep": -1},
            ("deep", "residual", "train_loss"): {"deep residual=false": 1, "deep": -1},
            ("flat", "activation", "first_gradient_norm"): {"flat activation=relu": 1, "flat": -1},
        }
        cell = found["deep", "normalization", "steps_to_target"]
        assert (cell.extension, cell.label, cell.direction, cell.margin) == (
            "C26",
            "Deep: Batch normalization",
            None,
            None,
        )

    def test_a_base_arm_with_neither_level_gets_both(self, plan_of: PlanOf) -> None:
        text = STUDY.replace("{architecture: deep}", "{architecture: deep, normalization: group}")
        study = plan_of(text).studies[0]
        assert {"deep normalization=none", "deep normalization=batch"} <= set(study.arms)
        assert {"deep normalization=none": 1, "deep normalization=batch": -1} in [
            each.contrast for each in study.secondary
        ]

    def test_a_level_may_be_a_number_and_its_key_too(self, plan_of: PlanOf) -> None:
        text = yaml.safe_load(STUDY)
        effects = [{"metric": "gap", "contrast": {0: 1, 0.5: -1}}]
        text["matrix"]["switches"] = {"dropout": {"levels": [0, 0.5], "effects": effects}}
        study = plan_of(yaml.safe_dump(text)).studies[0]
        assert [each.contrast for each in study.secondary] == [{"deep dropout=0": 1, "deep": -1}]

    def test_what_is_written_beside_the_matrix_comes_first(self, plan_of: PlanOf) -> None:
        text = STUDY + "secondary: [{metric: test_error, contrast: {wide: 1, deep: -1}}]\n"
        first, *cells = plan_of(text).studies[0].secondary
        assert (first.contrast, first.cell) == ({"wide": 1, "deep": -1}, (None, None))
        assert len(cells) == 7


class TestRefused:
    def test_each_cell_is_a_contrast_or_has_a_reason(self, plan_of: PlanOf) -> None:
        study = plan_of(STUDY).studies[0]
        assert study.matrix
        assert study.matrix.families == {"wide": "Wide", "deep": "Deep", "flat": "flat"}
        assert study.matrix.switches == {
            "normalization": "Batch normalization",
            "activation": "activation",
            "residual": "residual",
        }
        assert study.matrix.refused == {
            ("wide", "residual"): "Wide has no switch 'residual'",
            ("deep", "activation"): "Deep does not take activation: sigmoid",
            ("flat", "normalization"): "it has nothing to normalize",
            ("flat", "residual"): "Flat has no switch 'residual'",
        }
        assert_complete(study)

    def test_show_says_why(self, plan_of: PlanOf) -> None:
        told = describe(plan_of(STUDY), "components", None).splitlines()
        assert any(line.split(maxsplit=2) == ["flat", "normalization", "it has nothing to normalize"] for line in told)
        assert any("deep residual=false" in line and "Deep, residual=false" in line for line in told)

    def test_list_has_its_arms(self, plan_of: PlanOf) -> None:
        told = overview(plan_of(STUDY), "components")
        assert "components: Components  [description only; seeds 0-4]" in told
        assert "flat activation=relu" in told


def assert_complete(study: Study) -> None:
    assert study.matrix
    contrasted = {each.cell for each in study.secondary}
    cells = {(family, switch) for family in study.matrix.families for switch in study.matrix.switches}
    assert contrasted | set(study.matrix.refused) == cells
    assert not contrasted & set(study.matrix.refused)
    assert all(study.matrix.refused.values())


def test_an_arm_shared_with_another_study_is_one_arm(plan_of: PlanOf) -> None:
    plan = plan_of(STUDY, OTHER)
    matrix, other = plan.studies
    assert other.arms["normalized"].spec.arm_id == matrix.arms["deep"].spec.arm_id
    assert other.arms["bare"].spec.arm_id == matrix.arms["deep normalization=none"].spec.arm_id
    assert len(plan.arms()) == len(matrix.arms)
    assert len(plan.runs()) == 5 * len(matrix.arms) + 2 * 2


def test_a_study_that_only_describes_needs_no_five_seeds(plan_of: PlanOf) -> None:
    assert plan_of(STUDY.replace("seeds: 5", "seeds: 2")).studies[0].seeds == (0, 1)


def test_figures_are_those_that_each_study_names(plan_of: PlanOf, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(STUDY, OTHER, OTHER.replace("study: other", "study: third\nfigures: [frontier, errors]"))
    assert [study.figures for study in plan.studies] == [
        ("matrix",),
        ("curves", "errors"),
        ("frontier", "errors"),
    ]
    rules = Rules.__new__(Rules)
    rules.plan = rules.shown = plan
    drawn = [Path(file) for file in rules.figures if file.endswith(".svg")]
    assert [(file.parent.name, file.stem) for file in drawn] == [
        (study.name, name) for study in plan.studies for name in study.figures
    ]


def test_rows_of_the_table_say_which_cell_they_are(plan_of: PlanOf) -> None:
    text = STUDY + "secondary: [{metric: test_error, contrast: {wide: 1, deep: -1}}]\n"
    study = plan_of(text).studies[0]
    rows, _ = judge_studies([study], load_claims(paths.CLAIMS), {}, None)
    frame = io.table("contrasts", rows)
    assert [(row.family, row.switch) for row in frame.dropna(subset="family").itertuples()] == [
        each.cell for each in study.secondary[1:]
    ]
    assert frame[["family", "switch"]].iloc[0].isna().all()
    assert frame["extension"].tolist()[1:3] == ["C28", "C26"]
    measured = STUDY.replace("metric: train_loss", "metric: seconds_to_target")
    plan: Any = SimpleNamespace(studies=plan_of(measured).studies)
    (row,) = measured_contrasts(plan.studies, {})
    assert (row["family"], row["switch"]) == ("deep", "residual")
    assert set(row) == set(TABLES["measured/contrasts"].columns)


# What is replaced in STUDY by what, and what the line must say.
FAMILIES = STUDY[STUDY.index("  families:") : STUDY.index("  switches:")]
SWITCH = "matrix.switches"
MISTAKES = {
    "unknown switch": (
        "    residual:\n",
        "    residuall:\n",
        [f"{SWITCH}.residuall", "no architecture has this switch", "did you mean 'residual'"],
    ),
    "unknown level": ("[none, batch]", "[none, bathc]", [f"{SWITCH}.normalization.levels", "did you mean 'batch'"]),
    "level of another type": ("[false, true]", "['false', true]", [f"{SWITCH}.residual.levels", "'false'"]),
    "three levels": ("[none, batch]", "[none, batch, group]", [f"{SWITCH}.normalization.levels", "two levels"]),
    "a level twice": ("[none, batch]", "[batch, batch]", [f"{SWITCH}.normalization.levels", "two levels that differ"]),
    "contrast of something else": (
        "{none: 1, batch: -1}, extension: C26",
        "{none: 1, group: -1}, extension: C26",
        [f"{SWITCH}.normalization.effects.1.contrast", "'group' is not one of the two levels", "batch, none"],
    ),
    "weights that do not cancel": (
        "{false: 1, true: -1}",
        "{false: 1, true: 1}",
        [f"{SWITCH}.residual.effects.0.contrast", "sum to zero"],
    ),
    "label of no level": (
        "{none: plain, batch: normalized}",
        "{nil: plain}",
        [f"{SWITCH}.normalization.labels", "'nil'", "batch, none"],
    ),
    "unknown metric": ("metric: train_loss", "metric: trainloss", [f"{SWITCH}.residual.effects.0", "'train_loss'"]),
    "extension of no claim": (
        "extension: C39",
        "extension: C93",
        [f"{SWITCH}.residual.effects.0.extension", "no claim 'C93'", "did you mean"],
    ),
    "direction of an effect": (
        "extension: C39}",
        "direction: greater}",
        [f"{SWITCH}.residual.effects.0.direction", "unknown key"],
    ),
    "no effects": (
        "- {metric: train_loss, contrast: {false: 1, true: -1}, extension: C39}",
        "[]",
        [f"{SWITCH}.residual.effects", "at least 1"],
    ),
    "no family": (FAMILIES, "  families: {}\n", ["matrix.families", "give at least one"]),
    "no architecture": (
        "flat: {model: {architecture: flat}}",
        "flat: {}",
        ["matrix.families.flat", "architecture", "missing", "lenet"],
    ),
    "unknown architecture": (
        "{architecture: flat}",
        "{architecture: falt}",
        ["matrix.families.flat", "unknown architecture 'falt'", "did you mean 'flat'"],
    ),
    "switch that a family refuses": (
        "{architecture: flat}",
        "{architecture: flat, normalization: batch}",
        ["matrix.families.flat", "flat does not take 'normalization' (it has nothing to normalize)"],
    ),
    "unknown key of a family": (
        "flat: {model: {architecture: flat}}",
        "flat: {modle: {architecture: flat}}",
        ["matrix.families.flat.modle", "unknown key"],
    ),
    "name that could be an arm's": ("    flat: {", "    deep residual=false: {", ["matrix.families"]),
    "contradiction within a cell": (
        "{architecture: deep}",
        "{architecture: deep, shortcut: projection}",
        ["matrix.families.deep", "residual: false with shortcut: projection", "it is plain"],
    ),
    "two families that are the same": (
        "    flat: {model: {architecture: flat}}",
        "    broad: {model: {architecture: wide}}",
        ["matrix.families.broad", "the same as arm 'wide'"],
    ),
    "arms too": ("seeds: 5", "seeds: 5\narms: {one: {}}", ["arms, a grid or a matrix", "one of the three"]),
    "a grid too": ("seeds: 5", "seeds: 5\ngrid: {model.depth: [8]}", ["arms, a grid or a matrix"]),
    "label of no arm": ("seeds: 5", "seeds: 5\nlabels: {flatt: Flat}", ["labels.flatt", "did you mean 'flat'"]),
    "unknown figure": ("figures: [matrix]", "figures: [matrx]", ["figures.0", "unknown figure", "'matrix'"]),
    "a figure twice": ("figures: [matrix]", "figures: [matrix, matrix]", ["figures", "twice"]),
    "no seeds": ("seeds: 5", "seeds: []", ["seeds", "none"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_one_line_with_place_and_remedy(mistake: str, plan_of: PlanOf) -> None:
    right, wrong, said = MISTAKES[mistake]
    assert right in STUDY
    with pytest.raises(UserError) as caught:
        plan_of(STUDY.replace(right, wrong, 1))
    line = str(caught.value)
    assert "\n" not in line
    for part in ["components.yaml", *said]:
        assert part in line, line


def test_the_figure_of_a_matrix_needs_one(plan_of: PlanOf) -> None:
    with pytest.raises(UserError, match="the figure 'matrix' shows a matrix, and there is none"):
        plan_of(OTHER + "figures: [matrix]\n")


def test_the_project_plans_its_matrix_without_torch() -> None:
    code = (
        "import sys; from cnnlab.planning.config import load_config; from cnnlab.planning.plan import make_plan;"
        "plan = make_plan(load_config(pairs=['device=cpu', 'studies=families']));"
        "assert plan.studies[0].matrix;"
        "print(sorted({'torch', 'numpy', 'pandas', 'mlflow', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def studies() -> dict[str, Study]:
    """Those of the project, by name."""
    return {study.name: study for study in make_plan(load_config(pairs=["device=cpu"])).studies}


class TestShipped:
    def test_no_cell_of_families_is_empty_without_a_reason(self, studies: dict[str, Study]) -> None:
        families = studies["families"]
        assert_complete(families)
        assert families.matrix
        assert list(families.matrix.families) == ["mlp", "lenet", "alexnet", "vgg", "nin", "googlenet", "resnet"]
        assert not any("has no switch" in reason for reason in families.matrix.refused.values())

    def test_its_lenet_is_that_of_the_ablations(self, studies: dict[str, Study]) -> None:
        mine = {name: arm.spec.arm_id for name, arm in studies["families"].arms.items()}
        activation, pooling = studies["activation"].arms, studies["pooling"].arms
        assert mine["lenet"] == activation["relu"].spec.arm_id == pooling["max"].spec.arm_id
        assert mine["lenet activation=sigmoid"] == activation["sigmoid"].spec.arm_id
        assert mine["lenet pooling=average"] == pooling["average"].spec.arm_id

    def test_effects_are_oriented_as_the_claims_are(self, studies: dict[str, Study]) -> None:
        """Between two levels, the sign is that of the study which tests the claim."""
        for name, metric in (("activation", "first_gradient_norm"), ("pooling", "first_gradient_norm")):
            (claim,) = studies[name].claims
            (primary,) = claim.requires
            assert primary.metric == metric
            arms = studies[name].arms
            wanted = {arms[arm].spec.arm_id: weight for arm, weight in primary.contrast.items()}
            cells = [each for each in studies["families"].secondary if each.cell == ("lenet", name)]
            (cell,) = [each for each in cells if each.metric == metric]
            mine = studies["families"].arms
            assert {mine[arm].spec.arm_id: weight for arm, weight in cell.contrast.items()} == wanted

    def test_the_benchmark_trains_nothing_that_the_matrix_does_not(self, studies: dict[str, Study]) -> None:
        mine = {arm.spec.arm_id for arm in studies["families"].arms.values()}
        benchmark = {arm.spec.arm_id for arm in studies["benchmark"].arms.values()}
        assert benchmark <= mine
        assert studies["benchmark"].seeds == studies["families"].seeds
