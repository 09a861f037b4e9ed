"""What the metrics of a study ask for at planning: which arms are watched by what, and what that does to their ids."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cnnlab.core import paths
from cnnlab.core.errors import UserError
from cnnlab.planning import fingerprint
from cnnlab.planning.config import load_config
from cnnlab.planning.diagnostics import DiagnosticSpec, diagnostics, read
from cnnlab.planning.fingerprint import PACKAGE
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.plan import make_plan
from cnnlab.planning.studies.study import Study
from cnnlab.training.diagnostics import Diagnostic, module
from tests.studies import plan_of

PAIR = {"relu": 1, "sigmoid": -1}
FOLDER = PACKAGE / "training/diagnostics"


def study(name: str = "mine", claims: tuple[Any, ...] = (), secondary: tuple[Any, ...] = (), **fields: Any) -> str:
    """A study of three arms; `claims` and `secondary` are pairs of a metric and its weights."""
    written = {
        "study": name,
        "title": "A title",
        "question": "Which is better?",
        "base": {"model": {"architecture": "lenet"}, "data": {"name": "mnist5k"}, "train": {"epochs": 2}},
        "arms": {name: {"model": {"activation": name}} for name in ("sigmoid", "relu", "tanh")},
        "seeds": 6,
        "claims": [
            {
                "id": f"my-claim-{place}",
                "architecture": "lenet",
                "requires": [{"metric": metric, "contrast": weights, "direction": "greater", "margin": 1}],
            }
            for place, (metric, weights) in enumerate(claims)
        ],
        "secondary": [{"metric": metric, "contrast": weights} for metric, weights in secondary],
        **fields,
    }
    return yaml.safe_dump(written)


def watched(planned: Study) -> dict[str, tuple[str, ...]]:
    return {name: arm.spec.diagnostics for name, arm in planned.arms.items()}


def test_an_arm_is_watched_for_the_contrasts_that_it_is_in_and_for_no_others(tmp_path: Path) -> None:
    text = study(
        claims=(("shift_drop", PAIR),),
        secondary=(("update_slope", {"tanh": 1}), ("dead_units", {"relu": 1, "tanh": -1}), ("test_error", PAIR)),
    )
    assert watched(plan_of(tmp_path, text).studies[0]) == {
        "sigmoid": ("shifts",),
        "relu": ("activation_drift", "shifts"),
        "tanh": ("activation_drift", "update_ratios"),
    }


def test_two_metrics_of_one_diagnostic_ask_for_it_once(tmp_path: Path) -> None:
    text = study(secondary=(("update_tilt", PAIR), ("update_spread", PAIR)))
    assert watched(plan_of(tmp_path, text).studies[0]) == {
        "sigmoid": ("update_ratios",),
        "relu": ("update_ratios",),
        "tanh": (),
    }


def test_cells_of_a_matrix_ask_for_what_they_compare(tmp_path: Path) -> None:
    switch = {
        "levels": ["none", "batch"],
        "effects": [{"metric": "input_drift", "contrast": {"none": 1, "batch": -1}}],
    }
    families = {name: {"model": {"architecture": name}} for name in ("lenet", "resnet_cifar")}
    written = yaml.safe_load(study())
    del written["arms"], written["claims"], written["secondary"]
    written["base"]["model"] = {}
    written["matrix"] = {"families": families, "switches": {"normalization": switch}}
    found = watched(plan_of(tmp_path, yaml.safe_dump(written)).studies[0])
    assert len(found) == 4
    assert set(found.values()) == {("activation_drift",)}


def test_a_tier_changes_nothing_about_what_is_watched() -> None:
    """At every tier, each arm of the project's studies is watched by what its own contrasts name."""
    for config in sorted(paths.CONFIGS.glob("*.yaml")):
        for planned in make_plan(load_config([config], ["device=cpu"])).studies:
            contrasts = [*planned.secondary, *(each for claim in planned.claims for each in claim.requires)]
            for name, arm in planned.arms.items():
                named = {METRICS[each.metric].diagnostic for each in contrasts if name in each.contrast} - {None}
                assert set(arm.spec.diagnostics) == named, (planned.name, name)


# Ids


def test_an_arm_that_two_studies_watch_alike_is_one_arm(tmp_path: Path) -> None:
    one = study(secondary=(("shift_drop", PAIR),))
    alike = study("other", secondary=(("shift_drop", {"relu": -1, "sigmoid": 1}),))
    plan = plan_of(tmp_path, one, alike)
    assert len(plan.arms()) == 3
    assert plan.studies[0].arms["relu"].spec == plan.studies[1].arms["relu"].spec


def test_an_arm_that_two_studies_watch_differently_is_two(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path, study(secondary=(("shift_drop", PAIR),)), study("other", secondary=(("test_error", PAIR),))
    )
    mine, other = (each.arms for each in plan.studies)
    assert mine["relu"].spec.arm_id != other["relu"].spec.arm_id
    assert mine["tanh"].spec.arm_id == other["tanh"].spec.arm_id
    assert len(plan.arms()) == 5


def test_what_an_arm_is_watched_by_changes_its_id_alone(tmp_path: Path) -> None:
    plain = plan_of(tmp_path, study(secondary=(("test_error", PAIR),))).studies[0].arms
    seen = plan_of(tmp_path, study(secondary=(("test_error", PAIR), ("shift_drop", {"tanh": 1, "relu": -1})))).studies[
        0
    ]
    changed = {name for name, arm in seen.arms.items() if arm.spec.arm_id != plain[name].spec.arm_id}
    assert changed == {"tanh", "relu"}


def edited(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """As if the code of `path` were another."""
    read = fingerprint._read

    def changed(file: Path, mtime: int) -> tuple[tuple[Path, ...], str]:
        imports, statements = read(file, mtime)
        return imports, statements + ("\nedited = True" if file == path else "")

    monkeypatch.setattr(fingerprint, "_read", changed)


EDITS = {
    "training/diagnostics/shifts.py": {"shifts"},
    "training/diagnostics/activation_drift.py": {"activation_drift"},
    "training/diagnostics/predictions.py": {"downsampling", "shifts", "augmentation_range"},
    "training/diagnostics/saturation.py": {"saturation"},
    "planning/metrics.py": set(),
    "models/layers/ghost_batchnorm.py": None,  # shared by all arms
    "models/layers/activations.py": None,
    "training/diagnostics/__init__.py": None,
    "data/variants.py": None,
}


@pytest.mark.parametrize("file", EDITS)
def test_an_edit_of_a_diagnostic_changes_the_arms_that_it_watches(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = sorted({metric.diagnostic for metric in METRICS.values() if metric.diagnostic})
    asked = [(), *((name,) for name in names)]
    before = {names: fingerprint.fingerprint("googlenet", names) for names in asked}
    edited(monkeypatch, PACKAGE / file)
    changed = {names for names in asked if fingerprint.fingerprint("googlenet", names) != before[names]}
    touched = EDITS[file]
    assert changed == (set(asked) if touched is None else {(name,) for name in touched})


def test_planning_of_every_study_is_quick() -> None:
    """Fingerprints, diagnostics and all: half a second is the budget of a plan."""
    import time

    config = load_config([paths.CONFIGS / "default.yaml"], ["device=cpu"])
    make_plan(config)
    began = time.thread_time()
    make_plan(config)
    assert time.thread_time() - began < 0.5


# Declarations

NEW = """
from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings, Point

DIAGNOSTIC = {
    "metrics": {"lost_sleep": {"title": "sleep lost over it", "unit": "nights", "signed": True}},
    "profiles": {"lost_sleep": {"title": "sleep lost, nights", "axis": "night"}},
}


class Diagnostic(diagnostics.Diagnostic):
    def finish(self) -> Findings:
        return Findings({"lost_sleep": 2.0}, profile=[Point("lost_sleep", night, 1.0) for night in (1, 2)])
"""
MEASURE = """
from cnnlab.planning.diagnostics import diagnostics
from cnnlab.planning.metrics import METRICS
from cnnlab.training.diagnostics import Diagnostics
from tests import small_runs
print(METRICS["lost_sleep"].title, METRICS["lost_sleep"].diagnostic)
print(diagnostics()["sleep"].profiles["lost_sleep"].title, diagnostics()["sleep"].cost_share)
print(Diagnostics(["sleep"], small_runs.run()).finish().values)
"""


def test_a_new_diagnostic_is_one_new_file(tmp_path: Path) -> None:
    for folder in ("cnnlab", "tests", "workflow"):
        shutil.copytree(PACKAGE.parent / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "cnnlab/training/diagnostics/sleep.py").write_text(NEW)

    def python(*arguments: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True, text=True).stdout

    assert python("-c", MEASURE).splitlines() == [
        "sleep lost over it sleep",
        "sleep lost, nights 0.1",
        "{'lost_sleep': 2.0}",
    ]
    assert re.search(r"lost_sleep +nights +sleep lost over it", python("-m", "cnnlab", "list", "--metrics"))


@pytest.mark.parametrize(
    ("literal", "line"),
    [
        ("{'metrics': {'a': {'title': 'A', 'unit': 's', 'factr': 2}}}", "metrics.a.factr: unknown key"),
        ("{'metrics': {'a': {'title': 'A'}}}", "metrics.a.unit: missing; add it"),
        ("{'metrics': {}}", "metrics: {}: write at least 1"),
        ("{'metrics': 3}", "metrics: 3: write keys with values"),
        ("{'metrics': {'b': {'title': 'B', 'unit': 's'}}, 'cost': 2}", "cost: unknown key; "),
        ("{'metrics': {'here': {'title': 'B', 'unit': 's'}}}", "metrics.here: first.py declares it too; rename one"),
        ("dict(metrics={})", "DIAGNOSTIC is not a literal; write its values out"),
    ],
)
def test_a_wrong_declaration_is_one_line(literal: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text("DIAGNOSTIC = {'metrics': {'here': {'title': 'Here', 'unit': 'm'}}}")
    (tmp_path / "second.py").write_text(f"DIAGNOSTIC = {literal}")
    with pytest.raises(UserError) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "second.py") in str(caught.value)
    assert line in str(caught.value)


def test_titles_are_no_part_of_an_arm_but_of_the_steps_that_show_them() -> None:
    (title,) = (profile.title for profile in diagnostics()["saturation"].profiles.values())
    file = FOLDER / "saturation.py"
    assert title in file.read_text()
    assert title not in fingerprint._read(file, file.stat().st_mtime_ns)[1]
    assert " diagnostics:" in fingerprint.code("cnnlab.figures.drawing.profile_panels")
    assert " diagnostics:" not in fingerprint.code("cnnlab.data.prepare")


# Contrasts of one arm


@pytest.mark.parametrize("metric", [name for name, metric in METRICS.items() if metric.signed])
def test_a_difference_by_itself_may_be_asked_of_one_arm(metric: str, tmp_path: Path) -> None:
    contrast = plan_of(tmp_path, study(claims=((metric, {"relu": 1}),))).studies[0].claims[0].requires[0]
    assert contrast.contrast == {"relu": 1}


@pytest.mark.parametrize(
    ("metric", "weights"),
    [
        ("test_error", {"relu": 1}),
        ("shift_drop", {"relu": 1}),
        ("update_tilt", {"relu": 1}),
        ("curve_area", {"relu": 1, "sigmoid": -0.5}),
        ("dead_units", {}),
    ],
)
@pytest.mark.parametrize("part", ["claims", "secondary"])
def test_any_other_metric_wants_weights_that_cancel(
    metric: str, weights: dict[str, float], part: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as caught:
        plan_of(tmp_path, study(**{part: ((metric, weights),)}))  # type: ignore[arg-type]
    line = str(caught.value)
    place = "claims.0.requires.0.contrast" if part == "claims" else "secondary.0.contrast"
    assert "\n" not in line
    assert f": {place}: " in line
    assert ("at least two arms with weights that sum to zero" if weights else "other than 0") in line
    assert "more)" not in line


def test_a_weight_of_zero_compares_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="each arm needs a weight other than 0"):
        plan_of(tmp_path, study(secondary=(("update_slope", {"relu": 0}),)))


@pytest.mark.parametrize(
    ("written", "nearest"),
    [("shift_drops", "shift_drop"), ("wieght_lag", "weight_lag"), ("update_slop", "update_slope")],
)
@pytest.mark.parametrize("weights", [PAIR, {"relu": 1}])
def test_an_unknown_metric_names_the_nearest_and_is_the_only_mistake(
    written: str, nearest: str, weights: dict[str, float], tmp_path: Path
) -> None:
    with pytest.raises(UserError) as caught:
        plan_of(tmp_path, study(claims=((written, weights),)))
    line = str(caught.value)
    assert "\n" not in line
    assert f": claims.0.requires.0.metric: '{written}': unknown metric; did you mean '{nearest}'?" in line
    assert "more)" not in line


# What cannot be measured


def metrics_of(chosen: Callable[[DiagnosticSpec], bool]) -> list[str]:
    return [name for diagnostic in diagnostics().values() if chosen(diagnostic) for name in diagnostic.metrics]


@pytest.mark.parametrize("metric", metrics_of(lambda diagnostic: diagnostic.while_training))
def test_what_is_read_while_training_is_not_asked_of_an_untrained_arm(metric: str, tmp_path: Path) -> None:
    arms = {"sigmoid": {}, "relu": {"model": {"activation": "relu"}, "train": {"epochs": 0}}}
    with pytest.raises(UserError) as caught:
        plan_of(tmp_path, study(secondary=((metric, PAIR),), arms=arms))
    line = str(caught.value)
    assert "\n" not in line
    assert f": arms.relu.train.epochs: 0, but {metric} is read while a network trains" in line


@pytest.mark.parametrize("data", [{"shuffle_pixels": True}, {"scale_pixels": True}, {"standardize": "pixel"}])
@pytest.mark.parametrize("metric", metrics_of(lambda diagnostic: diagnostic.moves_pixels))
def test_pixels_without_neighbours_are_not_moved(metric: str, data: dict[str, Any], tmp_path: Path) -> None:
    arms = {"sigmoid": {}, "relu": {"model": {"activation": "relu"}, "data": data}}
    with pytest.raises(UserError) as caught:
        plan_of(tmp_path, study(secondary=((metric, PAIR),), arms=arms))
    line = str(caught.value)
    assert "\n" not in line
    assert f": arms.relu.data: {metric} moves pixels" in line


def test_a_diagnostic_declares_what_it_does() -> None:
    """Planning refuses by the declaration what the code below it would refuse, or do wrong, after training."""
    for name, diagnostic in diagnostics().items():
        bases = [base for base in module(name).Diagnostic.__mro__[1:] if base not in Diagnostic.__mro__]
        source = (FOLDER / f"{name}.py").read_text() + "".join(map(inspect.getsource, bases))
        assert ('"training: epochs of ' in source) == diagnostic.while_training, name
        moves = any(word in source for word in ("translate(", "turn(", "F.interpolate("))
        assert moves == diagnostic.moves_pixels, name
