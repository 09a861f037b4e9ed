"""What a study can come to, before it is run and after."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnnlab.analysis.decisions import Hypothesis, verdict
from cnnlab.analysis.foresight import cannot, smallest_effect
from cnnlab.analysis.intervals import Effects
from cnnlab.core import paths
from cnnlab.planning.config import load_config
from cnnlab.planning.datasets import split_sizes
from cnnlab.planning.plan import make_plan
from cnnlab.planning.studies.study_file import ContrastSpec
from cnnlab.planning.verdicts import Direction


def contrast(direction: str, margin: float, metric: str = "test_error") -> ContrastSpec:
    return ContrastSpec(metric=metric, contrast={"a": 1, "b": -1}, direction=Direction(direction), margin=margin)


def test_few_images_exclude_no_small_difference() -> None:
    assert cannot(contrast("equal", 1), 8, 1500) == []
    (told,) = cannot(contrast("equal", 1), 8, 150)
    assert told.startswith("supported: of 150 images, all alike, no less than 1.")
    (told,) = cannot(contrast("greater", 1), 8, 150)
    assert told.startswith("equivalent: ")
    assert cannot(contrast("greater", 1, "train_loss"), 8, 150) == []


def test_no_difference_is_larger_than_all_images() -> None:
    assert any(told.startswith("supported: no difference") for told in cannot(contrast("greater", 100), 8, 1500))


def test_a_sign_test_of_few_seeds_cannot_stand_ledger_wide() -> None:
    steps = contrast("greater", 0.3, "steps_to_target")
    assert cannot(steps, 8, 1500) == []
    (told,) = cannot(steps, 8, 1500, family=57)
    assert told.startswith("stand ledger-wide")
    assert cannot(steps, 12, 1500, family=57) == []


def test_a_share_of_training_is_known_to_an_evaluation() -> None:
    settled = ContrastSpec(metric="weight_lag", contrast={"a": 1}, direction=Direction("equal"), margin=10)
    assert cannot(settled, 8, 1500, evaluations=40) == []
    (told,) = cannot(settled, 8, 1500, evaluations=8)
    assert told == "supported: of 8 evaluations a run, all alike, no less than 12 pp can be excluded"
    assert cannot(settled, 8, 1500) == []
    assert cannot(contrast("equal", 1, "train_loss"), 8, 1500, evaluations=1) == []


def test_every_study_can_come_out_both_ways() -> None:
    plan = make_plan(load_config([paths.CONFIGS / "default.yaml"], ["device=cpu"]))
    for study in plan.studies:
        for claim in study.claims:
            for each in claim.requires:
                specs = [study.arms[name].spec for name in each.contrast]
                images = min(split_sizes(spec.data)[2] for spec in specs)
                evaluations = min(spec.train.epochs * spec.train.evaluations_per_epoch for spec in specs)
                barred = cannot(each, len(study.seeds), images, evaluations=evaluations)
                assert barred == [], (study.name, claim.id, claim.part)


def test_the_smallest_effect_is_decided_in_four_of_five_studies() -> None:
    rng = np.random.default_rng(0)
    seen = rng.normal(3.0, 1.0, 10)
    seen = 3 + (seen - seen.mean()) / seen.std(ddof=1)
    claim = Hypothesis(Effects.of(seen), Direction.GREATER, 1.0)
    effect = smallest_effect(claim)
    assert effect is not None
    again = Effects.of(rng.normal(effect, 1.0, (20_000, 10)))
    share = float((verdict(replace(claim, effects=again)) == "supported").mean())
    assert share == pytest.approx(0.8, abs=0.04)
    assert smallest_effect(Hypothesis(Effects.of(-seen), Direction.LESS, 1.0)) == pytest.approx(effect)
    assert smallest_effect(Hypothesis(Effects.of(seen), Direction.EQUAL, 1.0)) is None
    lost = Effects(np.append(seen, np.inf), np.append(seen, np.inf))
    assert smallest_effect(Hypothesis(lost, Direction.GREATER, 1.0)) is None
