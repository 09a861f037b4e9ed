"""The choice of a learning rate, on made-up losses."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import pytest

from cnnlab.planning.specs import ArmSpec, DataSpec, ModelSpec, TrainSpec, TuneSpec
from cnnlab.training.learning_rate import Choice, Trial, choose, mean_trial, schedule, tuning_epochs

Outcomes = Callable[[Sequence[float]], list[Trial | None]]


def arm(**train: object) -> ArmSpec:
    model = ModelSpec(architecture="lenet")
    fields = TrainSpec(**{"epochs": 6, **train})  # type: ignore[arg-type]
    return ArmSpec(model=model, data=DataSpec(name="mnist5k"), train=fields, torch="2", fingerprint="f")


def bowl(best: float, tried: list[float] | None = None) -> Outcomes:
    """Loss is least at `best`; each rate is noted in `tried`."""

    def trial(rate: float) -> Trial:
        if tried is not None:
            tried.append(rate)
        loss = abs(math.log(rate / best))
        return {"learning_rate": rate, "status": "finished", "validation_loss": loss, "validation_error": 0.1}

    return of_each(trial)


def of_each(trial: Callable[[float], Trial | None]) -> Outcomes:
    return lambda rates: [trial(rate) for rate in rates]


def chosen(choice: Choice | None) -> Choice:
    assert choice is not None
    return choice


def test_the_least_validation_loss_wins() -> None:
    tried: list[float] = []
    choice = chosen(choose(arm(), bowl(0.1, tried)))
    assert (choice.learning_rate, choice.source, choice.edge) == (0.1, "tuned", False)
    assert tried == [0.01, 0.03, 0.1, 0.3]


def test_an_optimum_at_the_edge_extends_the_grid_at_its_own_ratio() -> None:
    upwards = chosen(choose(arm(), bowl(1.0)))
    assert [trial["learning_rate"] for trial in upwards.trials] == [0.01, 0.03, 0.1, 0.3, 0.93, 2.9]
    assert (upwards.learning_rate, upwards.edge) == (0.93, False)
    downwards = chosen(choose(arm(), bowl(1e-9)))
    assert [trial["learning_rate"] for trial in downwards.trials][:2] == [0.001, 0.0032]
    assert downwards.edge


def test_every_arm_has_the_same_budget_of_epochs_and_extensions() -> None:
    assert tuning_epochs(arm()) == 2
    assert tuning_epochs(arm(epochs=1)) == 1
    none = arm(tune=TuneSpec(rates=(0.1, 0.2), extensions=0))
    assert chosen(choose(none, bowl(9))).edge


def test_the_whole_grid_is_asked_for_at_once_and_then_each_extension() -> None:
    asked: list[list[float]] = []
    outcomes = bowl(1.0)

    def ask(rates: Sequence[float]) -> list[Trial | None]:
        asked.append(list(rates))
        return outcomes(rates)

    chosen(choose(arm(), ask))
    assert asked == [[0.01, 0.03, 0.1, 0.3], [0.93], [2.9]]


def test_a_rate_fixed_by_the_study_is_not_tuned() -> None:
    choice = chosen(choose(arm(learning_rate=0.07), lambda rate: pytest.fail("tuned")))
    assert (choice.learning_rate, choice.source, choice.trials) == (0.07, "fixed", ())


def test_a_trial_that_diverged_is_worse_than_any_that_did_not() -> None:
    def trial(rate: float) -> Trial:
        loss = None if rate > 0.02 else 2.0
        status = "finished" if loss else "diverged"
        return {"learning_rate": rate, "status": status, "validation_loss": loss, "validation_error": None}

    assert chosen(choose(arm(), of_each(trial))).learning_rate < 0.02


def test_an_arm_of_which_every_trial_diverges_is_still_trained() -> None:
    def trial(rate: float) -> Trial:
        return {"learning_rate": rate, "status": "diverged", "validation_loss": None, "validation_error": None}

    assert chosen(choose(arm(), of_each(trial))).edge


def test_several_runs_of_a_rate_count_as_their_mean() -> None:
    runs = [
        {"learning_rate": 0.1, "status": "finished", "validation_loss": loss, "validation_error": error}
        for loss, error in ((0.2, 0.05), (0.4, 0.03))
    ]
    mean = mean_trial(runs)
    assert (mean["validation_loss"], mean["validation_error"], mean["status"]) == pytest.approx((0.3, 0.04, "finished"))
    assert mean["validation_errors"] == [0.05, 0.03]
    lost = {"learning_rate": 0.1, "status": "diverged", "validation_loss": None, "validation_error": None}
    assert mean_trial([runs[0], lost]) == {
        "learning_rate": 0.1,
        "status": "diverged",
        "validation_loss": None,
        "validation_losses": [0.2, None],
        "validation_error": None,
        "validation_errors": [0.05, None],
    }
    assert mean_trial(runs[:1]) == runs[0]


def test_the_best_rate_is_that_of_the_metric_asked_for() -> None:
    """Losses fall while errors rise; of equal errors the one with less loss is taken."""
    errors = {0.01: 0.05, 0.03: 0.04, 0.1: 0.04, 0.3: 0.06}

    def trial(rate: float) -> Trial:
        return {"learning_rate": rate, "status": "finished", "validation_loss": -rate, "validation_error": errors[rate]}

    by_loss, by_error = (TuneSpec(extensions=0, metric=metric) for metric in ("validation_loss", "validation_error"))
    assert chosen(choose(arm(tune=by_loss), of_each(trial))).learning_rate == 0.3
    assert chosen(choose(arm(tune=by_error), of_each(trial))).learning_rate == 0.1


def test_an_unknown_trial_makes_the_choice_unknown() -> None:
    assert choose(arm(), lambda rates: [None for _ in rates]) is None


def test_the_schedule_warms_up_and_decays() -> None:
    spec = TrainSpec(epochs=1, warmup_steps=4)
    factors = [schedule(spec, step, 100) for step in range(100)]
    assert factors[:4] == [0.25, 0.5, 0.75, 1.0]
    assert factors[4] == 1.0
    assert all(later < sooner for sooner, later in itertools.pairwise(factors[4:]))
    steps = spec.model_copy(update={"schedule": "step"})
    assert [round(schedule(steps, step, 100), 3) for step in (10, 60, 80)] == [1, 0.1, 0.01]
