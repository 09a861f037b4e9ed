"""Study files: what a person writes becomes arms, and each mistake becomes one line that says where and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cnnlab.core import paths
from cnnlab.core.errors import UserError
from cnnlab.planning.config import load_config
from cnnlab.planning.plan import Plan, make_plan, options
from cnnlab.planning.specs import FIRST_PILOT_SEED
from tests.studies import plan_of

STUDY = """\
study: mine
title: Sigmoid or ReLU
question: Which is better?
base:
  model: {architecture: lenet, preset: small}
  data: {name: mnist5k}
  train: {epochs: 2}
arms:
  sigmoid: {model: {activation: sigmoid}}
  relu: {model: {activation: relu}}
seeds: 6
claims:
  - id: C06
    ledger: true
    architecture: lenet
    requires:
      - {metric: first_gradient_norm, contrast: {relu: 1, sigmoid: -1}, direction: greater, margin: 1}
"""


def test_a_study_becomes_arms_with_complete_switches(tmp_path: Path) -> None:
    study = plan_of(tmp_path, STUDY).studies[0]
    assert list(study.arms) == ["sigmoid", "relu"]
    assert study.seeds == (0, 1, 2, 3, 4, 5)
    switches = study.arms["relu"].spec.model.switches
    assert switches["activation"] == "relu"
    assert switches["initialization"] == "kaiming"
    assert study.arms["sigmoid"].spec.model.switches["initialization"] == "xavier"


def test_the_seeds_of_an_earlier_design_are_written_as_seeds_are(tmp_path: Path) -> None:
    written = {"": (), "seen: 3\n": (0, 1, 2), "seen: [21, 20]\n": (20, 21)}
    assert {text: plan_of(tmp_path, STUDY + text).studies[0].seen for text in written} == written


def test_seeds_were_seen_on_the_images_of_the_study_and_not_on_those_of_another_tier(tmp_path: Path) -> None:
    text = STUDY + "seen: 3\ntiers:\n  full: {base: {data: {name: fashion-mnist}}}\n"
    assert plan_of(tmp_path, text, tier="smoke", override={"data": {"limit": 500}}).studies[0].seen == (0, 1, 2)
    assert plan_of(tmp_path, text, tier="full").studies[0].seen == ()
    assert plan_of(tmp_path, STUDY + "seen: 3\n", tier="full", base={"data": {"name": "mnist"}}).studies[0].seen == ()
    told = text.replace("full: {", "full: {seen: [7], ")
    assert plan_of(tmp_path, told, tier="full").studies[0].seen == (7,)


def test_a_grid_becomes_an_arm_per_cell(tmp_path: Path) -> None:
    text = yaml.safe_load(STUDY)
    del text["arms"], text["claims"]
    text["base"]["model"] = {"architecture": "resnet_cifar"}
    text["grid"] = {"model.depth": [8, 14], "model.residual": [True, False]}
    study = plan_of(tmp_path, yaml.safe_dump(text)).studies[0]
    assert list(study.arms) == [
        "depth=8 residual=true",
        "depth=8 residual=false",
        "depth=14 residual=true",
        "depth=14 residual=false",
    ]
    assert study.arms["depth=14 residual=false"].spec.model.switches["residual"] is False


def test_an_arm_shared_by_two_studies_is_one_arm(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, STUDY, STUDY.replace("study: mine", "study: other"))
    assert len(plan.arms()) == 2
    assert len(plan.manifests()) == 2


def test_another_number_of_seeds_is_another_manifest_of_the_same_arm(tmp_path: Path) -> None:
    other = STUDY.replace("study: mine", "study: other").replace("seeds: 6", "seeds: 7")
    plan = plan_of(tmp_path, STUDY, other)
    assert len(plan.arms()) == 2
    assert len(plan.manifests()) == 4
    assert len(plan.runs()) == 14


def test_a_tier_changes_the_base_and_the_override_has_the_last_word(tmp_path: Path) -> None:
    text = STUDY + "tiers:\n  full: {base: {train: {epochs: 30, batch_size: 128}}, seeds: 7}\n"
    full = plan_of(tmp_path, text, tier="full", override={"train": {"batch_size": 32}}).studies[0]
    train = full.arms["relu"].spec.train
    assert (train.epochs, train.batch_size, len(full.seeds)) == (30, 32, 7)
    assert plan_of(tmp_path, text).studies[0].arms["relu"].spec.train.epochs == 2


def test_what_a_study_says_of_a_tier_stands_above_the_base_of_the_tier(tmp_path: Path) -> None:
    told = {"base": {"data": {"name": "mnist"}, "train": {"batch_size": 32}}}
    text = STUDY + "tiers:\n  full: {base: {data: {name: fashion-mnist}}}\n"
    spec = plan_of(tmp_path, text, tier="full", **told).studies[0].arms["relu"].spec
    assert (spec.data.name, spec.train.batch_size) == ("fashion-mnist", 32)
    assert plan_of(tmp_path, text, tier="quick", **told).studies[0].arms["relu"].spec.data.name == "mnist"
    last = plan_of(tmp_path, text, tier="full", **told, override={"data": {"name": "mnist5k"}})
    assert last.studies[0].arms["relu"].spec.data.name == "mnist5k"


def test_where_digits_leave_no_room_the_full_tier_has_clothes() -> None:
    plan = make_plan(load_config(["workflow/config/full.yaml"], ["device=cpu"]))
    images = {study.name: {arm.spec.data.name for arm in study.arms.values()} for study in plan.studies}
    clothes = ("affine", "features", "kernels", "normalization")
    assert images == {name: {"fashion-mnist" if name in clothes else "mnist"} for name in images}


def test_an_override_trains_no_arm_that_stays_as_initialized(tmp_path: Path) -> None:
    text = STUDY.replace("relu: {model: {activation: relu}}", "relu: {model: {activation: relu}, train: {epochs: 0}}")
    text = text.partition("claims:")[0]
    arms = plan_of(tmp_path, text, override={"train": {"epochs": 1, "learning_rate": 0.1}}).studies[0].arms
    trains = [arms[name].spec.train for name in ("sigmoid", "relu")]
    assert [(train.epochs, train.learning_rate) for train in trains] == [(1, 0.1), (0, None)]


def test_selection_by_name_claim_and_core(tmp_path: Path) -> None:
    other = STUDY.replace("study: mine", "study: other\ncore: true").replace("C06\n    ledger: true", "my-claim")
    assert [s.name for s in plan_of(tmp_path, STUDY, other, studies="core").studies] == ["other"]
    assert [s.name for s in plan_of(tmp_path, studies="C06").studies] == ["mine"]
    assert [s.name for s in plan_of(tmp_path, studies="mine,my-claim").studies] == ["mine", "other"]


# What is replaced in STUDY by what, and what the line must say.
MISTAKES = {
    "unknown key": ("seeds: 6", "seeds: 6\nseedz: 3", ["seedz", "unknown key", "did you mean 'seeds'"]),
    "unknown key within a claim": ("margin: 1}", "margin: 1, marign: 2}", ["requires.0.marign", "'margin'"]),
    "a key that is missing as it is misspelt": (
        "epochs: 2}",
        "epoch: 2}",
        ["base.train.epoch: unknown key", "'epochs'"],
    ),
    "misspelt switch": ("{activation: relu}", "{activaton: relu}", ["arms.relu", "activaton", "'activation'"]),
    "misspelt value": ("{activation: relu}", "{activation: rellu}", ["arms.relu", "rellu", "'relu'"]),
    "switch that the architecture ignores": (
        "{activation: relu}",
        "{residual: false}",
        ["arms.relu", "lenet", "'residual'", "it takes activation"],
    ),
    "unknown architecture": ("architecture: lenet, preset", "architecture: lenett, preset", ["lenett", "'lenet'"]),
    "image too small": ("{name: mnist5k}", "{name: mnist5k, image_size: 8}", ["8x8", "image_size to 12"]),
    "unregistered id": ("id: C06", "id: C99", ["C99", "workflow/claims.yaml"]),
    "no seeds": ("seeds: 6", "seeds: []", ["seeds", "none"]),
    "too few seeds": ("seeds: 6", "seeds: 5", ["seeds", "5 cannot decide", "at least 6"]),
    "duplicate seeds": ("seeds: 6", "seeds: [0, 1, 2, 3, 3]", ["seeds", "twice"]),
    "no seeds of an earlier design": ("seeds: 6", "seeds: 6\nseen: []", ["seen", "none"]),
    "a seed of an earlier design twice": ("seeds: 6", "seeds: 6\nseen: [1, 1]", ["seen", "twice"]),
    "pilots of an earlier design": ("seeds: 6", "seeds: 6\nseen: [1000]", ["seen", "999", "pilots"]),
    "images of a pilot": ("name: mnist5k", "name: mnist5k, tested: validation", ["tested", "only a pilot"]),
    "pilot seeds": ("seeds: 6", "seeds: [0, 1, 2, 3, 1000]", ["seeds", "999", "pilots"]),
    "unknown data set": ("name: mnist5k", "name: mnist5", ["mnist5", "'mnist5k'"]),
    "unknown metric": ("first_gradient_norm", "first_gradient", ["first_gradient", "'first_gradient_norm'"]),
    "unknown arm in a contrast": ("{relu: 1, sigmoid: -1}", "{relu: 1, sigmiod: -1}", ["sigmiod", "'sigmoid'"]),
    "weights that do not cancel": ("{relu: 1, sigmoid: -1}", "{relu: 1, sigmoid: -2}", ["contrast", "sum to zero"]),
    "grids that differ": (
        "relu: {model: {activation: relu}}",
        "relu: {model: {activation: relu}, train: {tune: {rates: [0.1, 0.3]}}}",
        ["claims.0.requires", "tuned on different grids"],
    ),
    "wrong architecture": ("architecture: lenet\n", "architecture: mlp\n", ["claims.0.architecture", "lenet"]),
    "extension of no claim": (
        "seeds: 6",
        "seeds: 6\nsecondary: [{metric: test_error, contrast: {relu: 1, sigmoid: -1}, extension: C66}]",
        ["secondary.0.extension", "C66"],
    ),
    "secondary with a margin": (
        "seeds: 6",
        "seeds: 6\nsecondary: [{metric: test_error, contrast: {relu: 1, sigmoid: -1}, margin: 1}]",
        ["secondary", "no verdict"],
    ),
    "unknown tier": ("seeds: 6", "seeds: 6\ntiers: {ful: {seeds: 6}}", ["tiers.ful", "'full'"]),
    "no seeds at a tier": ("seeds: 6", "seeds: 6\ntiers: {quick: {seeds: 0}}", ["seeds", "none"]),
    "no margin": (", margin: 1}", "}", ["claims.0.requires", "margin"]),
    "twin arms": ("{activation: sigmoid}", "{activation: relu}", ["the same as arm", "remove one"]),
    "arms of one label": ("seeds: 6", "seeds: 6\nlabels: {relu: sigmoid}", ["labels.relu", "label of 'sigmoid'"]),
    "more images than are": ("name: mnist5k", "name: mnist5k, limit: 5001", ["base.data.limit: 5001", "5,000 images"]),
    "a batch of more than all": ("epochs: 2}", "epochs: 2, batch_size: 3001}", ["batch_size", "3,000 training images"]),
    "what is compared is not trained": ("{epochs: 2}", "{epochs: 0}", ["claims.0.requires", "'relu' is not trained"]),
    "key given twice": ("seeds: 6", "seeds: 6\nseeds: 6", ["mine.yaml:12:1: ", "'seeds' is given twice"]),
    "not YAML": ("question:", "question: [", ["line", "not valid YAML"]),
    "missing epochs": ("{epochs: 2}", "{}", ["base.train.epochs", "missing"]),
    "not a number": ("{epochs: 2}", "{epochs: two}", ["epochs", "'two'"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_one_line_with_place_and_remedy(mistake: str, tmp_path: Path) -> None:
    right, wrong, said = MISTAKES[mistake]
    assert right in STUDY
    with pytest.raises(UserError) as caught:
        plan_of(tmp_path, STUDY.replace(right, wrong, 1))
    line = str(caught.value)
    assert "\n" not in line
    for part in ["mine.yaml", *said]:
        assert part in line, line


def test_two_studies_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(STUDY)
    with pytest.raises(UserError, match=r"mine\.yml: study: 'mine' is the name of .*mine\.yaml too; rename one"):
        plan_of(tmp_path, STUDY)


def test_a_pilot_has_seeds_and_test_images_that_no_study_has(tmp_path: Path) -> None:
    study, pilot = plan_of(tmp_path, STUDY).study("mine"), plan_of(tmp_path, STUDY, pilot=True).study("mine")
    assert len(pilot.seeds) == len(study.seeds)
    assert min(pilot.seeds) >= FIRST_PILOT_SEED > max(study.seeds)
    assert {arm.spec.data.tested for arm in pilot.arms.values()} == {"validation"}
    assert {arm.spec.data.tested for arm in study.arms.values()} == {"test"}
    assert all(arm.spec.arm_id != study.arms[name].spec.arm_id for name, arm in pilot.arms.items())


def test_a_pilot_has_the_design_of_its_tier_and_folders_of_its_own() -> None:
    files = [paths.CONFIGS / name for name in ("full.yaml", "pilot.yaml")]
    full, pilot = (make_plan(load_config(given, ["device=cpu"])) for given in (files[:1], files))
    designs = [{name: arm.spec.data.name for name, arm in plan.study("kernels").arms.items()} for plan in (full, pilot)]
    assert designs[0] == designs[1]
    assert (pilot.tier, pilot.paths.results) == ("full-pilot", full.paths.results / "pilot")
    assert options(pilot) == f" --configfile {files[0]} --configfile {files[1]}"
    assert load_config(pairs=["pilot=true"]).paths.report != load_config().paths.report


def test_an_unknown_selection_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no study or claim 'mime'; did you mean 'mine'"):
        plan_of(tmp_path, STUDY, studies="mime")
    with pytest.raises(UserError, match="no study tests C01 yet"):
        plan_of(tmp_path, studies="C01")


def test_every_study_of_the_project_is_valid_at_every_tier() -> None:
    for config in sorted(paths.CONFIGS.glob("*.yaml")):
        from cnnlab.planning.config import load_config

        plan = make_plan(load_config([config], ["device=cpu"]))
        assert plan.studies, config


def test_every_study_of_the_project_says_how_it_was_tested_and_what_would_count_against_it() -> None:
    from cnnlab.planning.config import load_config

    for study in make_plan(load_config(pairs=["device=cpu"])).studies:
        assert study.design, study.name
        assert len(study.threats) >= 3, study.name
        assert all(claim.against for claim in study.claims), study.name


def test_without_validation_images_a_rate_must_be_fixed(tmp_path: Path) -> None:
    text = STUDY.replace("{name: mnist5k}", "{name: mnist5k, validation: 0}")
    with pytest.raises(UserError, match=r"base\.data\.validation: 0 leaves no images to tune on; write train"):
        plan_of(tmp_path, text)
    fixed = plan_of(tmp_path, text.replace("{epochs: 2}", "{epochs: 2, learning_rate: 0.1}"))
    assert fixed.studies[0].arms["relu"].spec.data.validation == 0


def test_a_baseline_is_an_arm_of_two_whose_metric_has_a_floor(tmp_path: Path) -> None:
    def with_claim(metric: str, baseline: str) -> Plan:
        text = STUDY.replace("metric: first_gradient_norm", f"baseline: {baseline}, metric: {metric}")
        return plan_of(tmp_path, text, min_seeds=2)

    assert with_claim("test_error", "sigmoid").studies[0].claims[0].requires[0].baseline == "sigmoid"
    with pytest.raises(UserError, match="baseline: tanh: write one of the two arms of the contrast"):
        with_claim("test_error", "tanh")
    with pytest.raises(UserError, match="baseline: first_gradient_norm has no floor"):
        with_claim("first_gradient_norm", "sigmoid")
