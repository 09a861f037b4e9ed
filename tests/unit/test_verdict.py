"""From records to verdicts: what each run counts for, which rows there are, what is not shown too early."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cnnlab.analysis import effects
from cnnlab.analysis.tables.columns import TABLES
from cnnlab.analysis.tables.contrasts import measured_contrasts
from cnnlab.core.errors import UserError
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.specs import DataSpec, TrainSpec
from cnnlab.planning.studies.claims import ClaimRegistry
from cnnlab.planning.studies.study import Arm, Study
from cnnlab.planning.studies.study_file import ClaimSpec, ContrastSpec, Source
from cnnlab.training.records import Record
from tests import fakes

INF = math.inf
DIGITS = DataSpec(name="mnist5k")
FINALS = ("test_error", "test_loss", "train_error", "train_loss", "validation_error", "validation_loss")


def finished(**values: Any) -> Record:
    """A run with 1,000 test images, of which the first are wrong; evaluated every 50 of 500 steps."""
    error = values.get("test_error", 0.1)
    wrong = np.arange(1000) < round(1000 * error)
    result = dict.fromkeys(FINALS, 0.1) | {
        "status": "finished",
        "steps": 500,
        "epochs": 5,
        "steps_per_epoch": 100,
        "evaluation_interval": 50,
        "steps_to_target": 100,
        "first_gradient_norm": 1.0,
        "early_gradient_norm": 1.0,
        "test_images": 1000,
        **values,
    }
    images = {"correct": (~wrong).astype(np.uint8), "loss": wrong.astype(np.float32), "label": np.arange(1000) % 10}
    return fakes.record(spec={"data_checksum": "digits"}, result=result, provenance={}, test=images)


def unfinished(status: str, **values: Any) -> Record:
    run = finished()
    lost = dict.fromkeys(FINALS) | {"status": status, "steps_to_target": None}
    return fakes.changed(run, result={**run.result, **lost, **values}, test=None)


def contrast(metric: str, direction: Any = "greater", margin: float = 1.0, **weights: float) -> ContrastSpec:
    return ContrastSpec(metric=metric, contrast=weights, direction=direction, margin=margin)


ERROR = contrast("test_error", plain=1, residual=-1)
GRADIENT = contrast("first_gradient_norm", residual=1, plain=-1)
REGISTRY = ClaimRegistry.model_validate(
    {
        "claims": [
            {"id": "C39", "chapter": "7.6", "statement": "Easy to train", "parts": {"main": "empirical"}},
            {
                "id": "C07",
                "chapter": "7.1",
                "statement": "Larger",
                "parts": {"outputs": "exact", "gradients": "empirical"},
            },
        ]
    }
)


def claim(*requires: ContrastSpec, id: str = "C39", part: str = "main") -> ClaimSpec:
    return ClaimSpec(id=id, part=part, architecture="resnet_cifar", requires=requires)


def study(
    *claims: ClaimSpec,
    name: str = "depth",
    seeds: int = 8,
    secondary: Sequence[ContrastSpec] = (),
    train: TrainSpec | None = None,
) -> Study:
    train = train or TrainSpec(epochs=5)
    arms = {
        key: Arm(key, key, SimpleNamespace(arm_id=f"{key}-id", train=train, data=DIGITS))  # type: ignore[arg-type]
        for key in ("plain", "residual", "wide", "deep")
    }
    return Study(
        name=name,
        title="Depth",
        question="Is it easy?",
        source=Source(chapter="9"),
        core=False,
        arms=arms,
        labels={},
        seeds=tuple(range(seeds)),
        claims=claims,
        secondary=tuple(secondary),
        path=Path("depth.yaml"),
    )


def runs(**arms: Sequence[Record]) -> dict[str, dict[int, Record]]:
    return {f"{name}-id": dict(enumerate(members)) for name, members in arms.items()}


def errors(*percent: float) -> list[Record]:
    return [finished(test_error=value / 100) for value in percent]


EASY = runs(plain=errors(20, 21, 22, 20, 21, 22, 20, 21), residual=errors(10, 10, 11, 11, 10, 10, 11, 11))


def judge(one: Study, found: Any, looks: Path | None = None) -> tuple[list[Any], dict[tuple[str, str], Any]]:
    """The contrasts, and the claims by (id, part)."""
    contrasts, claims = fakes.judge_studies([one], REGISTRY, found, looks)
    return contrasts, {(row["id"], row["part"]): row for row in claims}


class TestBounds:
    def test_units(self) -> None:
        run = finished(test_error=0.25, test_loss=0.5, train_error=0.05, first_gradient_norm=8.0)
        found = {
            name: effects.bounds(run, METRICS[name])[0]
            for name in ("test_error", "test_loss", "gap", "first_gradient_norm")
        }
        assert found == pytest.approx({"test_error": 25, "test_loss": 0.5, "gap": 20, "first_gradient_norm": 3})

    def test_a_diverged_run_is_worse_than_any(self) -> None:
        run = unfinished("diverged")
        for name in ("test_error", "train_loss", "gap", "steps_to_target"):
            assert effects.bounds(run, METRICS[name]) == (INF, INF)

    def test_what_was_measured_before_it_diverged_counts(self) -> None:
        run = unfinished("diverged", first_gradient_norm=4.0, steps_to_target=64, early_gradient_norm=None)
        assert effects.bounds(run, METRICS["first_gradient_norm"]) == (2, 2)
        assert effects.bounds(run, METRICS["steps_to_target"]) == (6, 6)
        assert effects.bounds(run, METRICS["early_gradient_norm"]) == (-INF, INF)

    def test_a_target_not_reached_was_not_reached_before_the_next_evaluation(self) -> None:
        run = finished(steps_to_target=None, steps=448, evaluation_interval=64)
        assert effects.bounds(run, METRICS["steps_to_target"]) == (9, INF)

    def test_a_run_that_ends_at_guessing_has_failed_and_is_worse_than_any(self) -> None:
        dead, barely = (finished(test_error=0.9, train_error=0.9, train_loss=loss) for loss in (2.301, 2.27))
        assert (effects.failed(dead), effects.failed(barely), effects.failed(finished())) == (True, False, False)
        for name in ("test_error", "train_loss", "gap"):
            assert effects.bounds(dead, METRICS[name]) == (INF, INF)
        assert effects.bounds(dead, METRICS["curve_area"]) == (-INF, -INF)
        assert effects.bounds(dead, METRICS["first_gradient_norm"]) == (0, 0)  # read before it could fail
        assert effects.bounds(dead, METRICS["steps_to_target"])[0] == math.log2(100)
        assert effects.bounds(barely, METRICS["test_error"]) == (90, 90)

    def test_an_untrained_network_has_not_failed(self) -> None:
        assert not effects.failed(finished(train_loss=2.31, steps=0))

    def test_an_arm_did_not_train_if_a_run_was_lost_or_it_errs_in_half_of_what_guessing_does(self) -> None:
        dead = finished(test_error=0.9, train_error=0.9, train_loss=2.302)
        assert effects.did_not_train(errors(44, 46, 44)) is None
        assert effects.did_not_train(errors(44, 46, 46)) == "errs in 45 %, guessing in 90 %"
        assert effects.did_not_train([*errors(3, 3), dead]) == "1 of 3 runs diverged or failed"
        assert effects.did_not_train([*errors(3, 3), unfinished("diverged")]) == "1 of 3 runs diverged or failed"
        coins = [fakes.changed(run, test={"label": np.arange(1000) % 2}) for run in errors(30)]
        assert effects.did_not_train(coins) == "errs in 30 %, guessing in 50 %"
        assert effects.did_not_train([unfinished("timed_out")]) is None  # nothing is known of its error

    def test_two_classes_are_guessed_at_less_loss(self) -> None:
        coins = fakes.changed(finished(train_loss=0.69, train_error=0.5), test={"label": np.arange(1000) % 2})
        assert effects.failed(coins)
        assert not effects.failed(finished(train_loss=0.69, train_error=0.5))

    def test_a_network_that_is_far_too_sure_has_learned(self) -> None:
        assert not effects.failed(finished(train_loss=100.0, train_error=0.3))

    def test_a_time_limit_says_nothing_of_the_final_error(self) -> None:
        run = unfinished("timed_out", steps=192, evaluation_interval=64)
        assert effects.bounds(run, METRICS["test_error"]) == (-INF, INF)
        assert effects.bounds(run, METRICS["steps_to_target"]) == (8, INF)

    def test_seconds_are_known_to_exceed_the_last_evaluation(self) -> None:
        provenance = {"seconds_to_target": None, "started_ms": 1000, "evaluation_ms": [3000, 5000]}
        run = fakes.changed(finished(), provenance=provenance)
        assert effects.bounds(run, METRICS["seconds_to_target"]) == (2, INF)


class TestObserve:
    def _observe(self, spec: ContrastSpec, **arms: Sequence[Record]) -> effects.Observed:
        found = {name: dict(enumerate(members)) for name, members in arms.items()}
        return effects.observe(spec, found, range(len(next(iter(arms.values())))))

    def test_effects_are_paired_by_seed(self) -> None:
        seen = self._observe(ERROR, plain=errors(20, 30, 40), residual=errors(10, 15, 35))
        assert seen.effects.low.tolist() == pytest.approx([10, 15, 5])
        assert seen.correlation == pytest.approx(np.corrcoef([20, 30, 40], [10, 15, 35])[0, 1])

    def test_spread_over_images_is_that_of_the_seed_mean_difference(self) -> None:
        seen = self._observe(ERROR, plain=errors(20, 40), residual=errors(10, 10))
        by_hand = 100 * (np.arange(1000) < 200) / 2 + 100 * (np.arange(1000) < 400) / 2 - 100 * (np.arange(1000) < 100)
        assert seen.effects.image_sd == pytest.approx(by_hand.std(ddof=1))
        assert seen.effects.n_images == 1000
        assert [error.one for error in seen.effects.images] == [100]

    def test_images_of_diverged_seeds_are_left_out(self) -> None:
        both = self._observe(ERROR, plain=[*errors(20, 40), unfinished("diverged")], residual=errors(10, 10, 90))
        alone = self._observe(ERROR, plain=errors(20, 40), residual=errors(10, 10))
        assert both.effects.image_sd == pytest.approx(alone.effects.image_sd)
        assert (both.diverged, both.effects.low.tolist()[-1]) == (1, INF)

    def test_other_test_images_share_no_error(self) -> None:
        fewer = {name: values[:400] for name, values in (finished(test_error=0.1).test() or {}).items()}
        elsewhere = [fakes.changed(run, spec={"data_checksum": "fashion"}, test=fewer) for run in errors(10, 10, 10)]
        seen = self._observe(ERROR, plain=errors(20, 20, 20), residual=elsewhere)
        own = 100 * (np.arange(1000) < 200)
        other = 100 * (np.arange(400) < 100)
        variance = own.var(ddof=1) / 1000 + other.var(ddof=1) / 400
        assert seen.effects.n_images == 400
        assert float(seen.effects.image_sd or 0) ** 2 / 400 == pytest.approx(variance)

    def test_losses_of_images_have_no_size_of_their_own(self) -> None:
        seen = self._observe(contrast("test_loss", plain=1, residual=-1), plain=errors(20, 40), residual=errors(10, 10))
        assert [error.one for error in seen.effects.images] == [0]
        assert (seen.effects.below, seen.effects.above) == (0, 0)

    def test_an_effect_is_read_to_one_image_one_evaluation_or_one_octave(self) -> None:
        seen = self._observe(ERROR, plain=errors(1, 2), residual=errors(1, 2)).effects
        assert (seen.below, seen.above) == pytest.approx((0.1, 0.1))
        steps = contrast("steps_to_target", plain=1, residual=-1)
        slow, fast = ([finished(steps_to_target=value) for value in pair] for pair in ((400, 400), (50, 200)))
        seen = self._observe(steps, plain=slow, residual=fast).effects
        assert seen.below == pytest.approx([math.log2(400 / 351)] * 2)
        assert seen.above == pytest.approx([math.log2(50), math.log2(200 / 151)])
        rates = contrast("largest_rate", plain=1, residual=-1)
        seen = self._observe(rates, plain=[finished(largest_rate=0.4)], residual=[finished(largest_rate=0.1)]).effects
        assert (seen.low.tolist(), seen.below, seen.above) == ([pytest.approx(2)], [1], [1])

    def test_a_ratio_of_errors_has_the_spread_of_its_images(self) -> None:
        """To first order: of log2(p), 1 / (p ln 2) times that of p; whether all err alike or apart."""
        spec = contrast("test_error_ratio", plain=1, residual=-1)
        seen = self._observe(spec, plain=errors(20, 20, 20), residual=errors(10, 10, 10))
        assert seen.effects.low.tolist() == pytest.approx([1, 1, 1])
        wrong, fewer = np.arange(1000) < 200, np.arange(1000) < 100
        by_hand = (wrong / 0.2 - fewer / 0.1) / math.log(2)
        assert seen.effects.image_sd == pytest.approx(by_hand.std(ddof=1))
        assert effects.bounds(finished(test_error=0.0), METRICS["test_error_ratio"]) == (-INF, -INF)

    def test_a_share_of_training_is_read_to_one_evaluation(self) -> None:
        spec = ContrastSpec(metric="weight_lag", contrast={"plain": 1}, direction="greater", margin=2)
        seen = self._observe(spec, plain=[finished(weight_lag=0.04)]).effects
        assert (seen.low.tolist(), seen.below, seen.above) == ([pytest.approx(4)], 10, 10)
        both = ContrastSpec(metric="weight_lag", contrast={"plain": 1, "residual": -1})
        assert (
            self._observe(both, plain=[finished(weight_lag=0.04)], residual=[finished(weight_lag=0)]).effects.below
            == 20
        )

    def test_only_what_is_read_before_the_first_update_cannot_be_lost(self) -> None:
        assert not self._observe(GRADIENT, plain=errors(1), residual=errors(1)).effects.at_risk
        assert self._observe(ERROR, plain=errors(1), residual=errors(1)).effects.at_risk

    def test_counts(self) -> None:
        steps = contrast("steps_to_target", plain=1, residual=-1)
        plain = [unfinished("diverged"), finished(steps_to_target=None), unfinished("timed_out"), finished()]
        seen = self._observe(steps, plain=plain, residual=[finished()] * 4)
        assert (seen.diverged, seen.censored, seen.timed_out) == (1, 2, 1)
        assert seen.effects.low.tolist() == pytest.approx([INF, math.log2(5.5), math.log2(5.5), 0])

    def test_an_interaction(self) -> None:
        cells = contrast("test_error", plain=1, residual=-1, wide=-1, deep=1)
        seen = self._observe(cells, plain=errors(20), residual=errors(10), wide=errors(7), deep=errors(5))
        assert seen.effects.low.tolist() == pytest.approx([8])


class TestRows:
    def test_columns_are_those_of_the_tables(self) -> None:
        contrasts, claims = fakes.judge_studies([study(claim(ERROR), secondary=[GRADIENT])], REGISTRY, EASY, None)
        for row in contrasts:
            assert set(row) == set(TABLES["contrasts"].columns)
        for row in claims:
            assert set(row) == set(TABLES["claims"].columns)

    def test_a_supported_claim(self) -> None:
        contrasts, claims = judge(study(claim(ERROR)), EASY)
        row = claims["C39", "main"]
        assert (row["verdict"], row["kind"], row["study"], row["n"]) == ("supported", "empirical", "depth", 8)
        assert row["effect"] == pytest.approx(10.375)
        assert 1 < row["low"] < row["effect"] < row["high"]
        assert row["p"] < 0.025
        assert row["ledger_wide_p"] == pytest.approx(min(1, 2 * row["p"]))
        assert (row["statement"], row["chapter"]) == ("Easy to train", "7.6")
        assert contrasts[0]["verdict"] == "supported"
        assert json.loads(contrasts[0]["contrast"]) == {"plain": 1, "residual": -1}

    def test_every_registered_part_has_a_row(self) -> None:
        rows = judge(study(claim(ERROR)), EASY)[1]
        assert list(rows) == [("C39", "main"), ("C07", "whole"), ("C07", "outputs"), ("C07", "gradients")]
        assert [row["verdict"] for row in rows.values()] == ["supported", *["not tested"] * 3]
        assert rows["C07", "outputs"]["kind"] == "exact"
        assert rows["C07", "outputs"]["study"] is None

    def test_a_part_without_training_has_the_verdict_that_was_computed(self) -> None:
        computed = [{"id": "C07", "part": "outputs", "holds": True, "summary": "No maximum is below its mean."}]
        for holds, word in ((True, "holds"), (False, "fails")):
            computed[0]["holds"] = holds
            rows = {
                (row["id"], row["part"]): row
                for row in fakes.judge_studies([study(claim(ERROR))], REGISTRY, EASY, None, computed)[1]
            }
            row = rows.pop(("C07", "outputs"))
            known = {"id", "part", "chapter", "statement", "kind", "verdict", "reason", "seeds_added", "outdated"}
            assert (row["verdict"], row["reason"]) == (word, "No maximum is below its mean.")
            assert all(value is None for name, value in row.items() if name not in known)
            assert [row["verdict"] for row in rows.values()] == ["supported", "not tested", "not tested"]

    def test_a_claim_of_the_studys_own_comes_last_and_is_not_of_the_ledger(self) -> None:
        rows = judge(study(claim(ERROR, id="mine")), EASY)[1]
        assert list(rows)[-1] == ("mine", "main")
        row = rows["mine", "main"]
        assert (row["verdict"], row["chapter"], row["statement"]) == ("supported", "9", "Is it easy?")
        assert row["ledger_wide_p"] is None

    def test_two_studies_of_one_claim_have_a_row_each(self) -> None:
        both = [study(claim(ERROR), name=name) for name in ("second", "first")]
        contrasts, claims = fakes.judge_studies(both, REGISTRY, EASY, None)
        assert [row["study"] for row in claims if row["id"] == "C39"] == ["first", "second"]
        assert [row["study"] for row in contrasts] == ["first", "second"]

    def test_a_secondary_contrast_has_numbers_and_no_verdict(self) -> None:
        row = judge(study(claim(ERROR), secondary=[GRADIENT]), EASY)[0][-1]
        assert (row["primary"], row["claim"], row["verdict"], row["p"]) == (False, None, None, None)
        assert row["estimate"] == 0

    def test_measured_times_stay_out_of_the_deterministic_table(self) -> None:
        seconds = ContrastSpec(metric="seconds_to_target", contrast={"plain": 1, "residual": -1})
        one = study(claim(ERROR), secondary=[seconds])
        provenance = {"seconds_to_target": 2.0, "started_ms": 0, "evaluation_ms": [1]}
        timed = {
            arm: {seed: fakes.changed(run, provenance=provenance) for seed, run in members.items()}
            for arm, members in EASY.items()
        }
        assert [row["metric"] for row in judge(one, timed)[0]] == ["test_error"]
        assert [row["metric"] for row in measured_contrasts([one], timed)] == ["seconds_to_target"]

    def test_more_seeds_on_disk_than_the_study_asks_for_do_not_count(self) -> None:
        """n is fixed by the study; another study may have trained more of the same arm."""
        rows, _ = judge(study(claim(ERROR), seeds=5), EASY)
        assert (rows[0]["n"], rows[0]["n_planned"]) == (5, 5)


class TestRunning:
    NUMBERS = ("estimate", "low", "high", "low90", "high90", "sd_seed", "correlation", "p", "diverged")

    def test_no_number_is_shown_before_the_last_run(self) -> None:
        found = {arm: dict(members) for arm, members in EASY.items()}
        del found["plain-id"][7]
        contrasts, claims = judge(study(claim(ERROR)), found)
        row = claims["C39", "main"]
        assert (row["verdict"], row["reason"]) == ("running", "7 of 8 seeds finished")
        assert all(row[name] is None for name in ("effect", "low", "high", "p", "ledger_wide_p"))
        assert contrasts[0]["verdict"] == "running"
        assert all(contrasts[0][name] is None for name in self.NUMBERS)

    def test_the_finished_half_of_a_conjunction_is_not_shown_either(self) -> None:
        other = contrast("test_error", wide=1, residual=-1)
        contrasts, claims = judge(study(claim(ERROR, other)), EASY)
        assert claims["C39", "main"]["reason"] == "0 of 8 seeds finished"
        assert all(row[name] is None for row in contrasts for name in self.NUMBERS)

    def test_nor_a_secondary_contrast_of_missing_runs(self) -> None:
        other = contrast("test_error", wide=1, residual=-1)
        row = judge(study(claim(ERROR), secondary=[other]), EASY)[0][-1]
        assert (row["verdict"], row["estimate"], row["reason"]) == (None, None, "0 of 8 seeds finished")


class TestConjunction:
    def test_numbers_are_those_of_the_weakest_part(self) -> None:
        weak = contrast("first_gradient_norm", residual=1, plain=-1)
        row = judge(study(claim(ERROR, weak)), EASY)[1]["C39", "main"]
        assert (row["verdict"], row["metric"], row["unit"]) == (
            "equivalent",
            "first_gradient_norm",
            "log2 ratio",
        )
        assert row["p"] > 0.5

    def test_an_open_part_says_what_would_settle_it(self) -> None:
        norms = [2.0 ** (1.3 + 0.8 * shift) for shift in (-1, 1, 0, 0.5, -0.5, 1, -1, 0)]
        found = {arm: dict(members) for arm, members in EASY.items()}
        found["residual-id"] = {
            seed: finished(test_error=0.1, first_gradient_norm=norm) for seed, norm in enumerate(norms)
        }
        row = judge(study(claim(ERROR, GRADIENT)), found)[1]["C39", "main"]
        assert row["verdict"] == "inconclusive"
        assert row["reason"].startswith("part 2 of 2 (norm of the first layer's gradient at step 1): about ")
        assert row["reason"].endswith(" seeds would settle it (chance 80 % if the effect is as estimated)")


class TestParts:
    """A claim that is a list: its parts are rows, and one above them says what they say together."""

    WORSE = contrast("test_error", residual=1, plain=-1)
    OPEN = contrast("test_error", margin=10.4, plain=1, residual=-1)

    def _whole(self, *parts: ContrastSpec, seeds: int = 8) -> tuple[str, str | None]:
        names = ["width", "depth", "noisy_labels"][: len(parts)]
        registry = ClaimRegistry.model_validate(
            {
                "claims": [
                    {"id": "C37", "chapter": "7.5", "statement": "List", "parts": dict.fromkeys(names, "empirical")}
                ]
            }
        )
        claims = [claim(spec, id="C37", part=name) for name, spec in zip(names, parts, strict=True)]
        rows = fakes.judge_studies([study(*claims, seeds=seeds)], registry, EASY, None)[1]
        assert [row["part"] for row in rows] == ["whole", *names]
        return rows[0]["verdict"], rows[0]["reason"]

    def test_parts_that_differ_beyond_doubt_are_mixed(self) -> None:
        assert self._whole(ERROR, self.WORSE) == ("mixed", "width: supported; depth: contradicted")
        assert self._whole(ERROR, GRADIENT, ERROR)[0] == "mixed"  # too small to count is against it too

    def test_parts_that_agree_say_one_thing(self) -> None:
        assert self._whole(ERROR, ERROR, ERROR) == ("supported", "width, depth, noisy labels: supported")
        assert self._whole(self.WORSE, self.WORSE)[0] == "contradicted"
        assert self._whole(self.WORSE, GRADIENT)[0] == "contradicted"

    def test_an_open_part_leaves_the_whole_open_unless_others_differ(self) -> None:
        assert self._whole(ERROR, self.OPEN) == ("inconclusive", "width: supported; depth: inconclusive")
        assert self._whole(ERROR, self.OPEN, self.WORSE)[0] == "mixed"

    def test_a_part_decides_a_mixture_only_at_the_level_for_all_parts(self) -> None:
        """With p between 0.025 / 2 and 0.025 it does alone, but not among two."""
        tried = [contrast("test_error", margin=margin, plain=1, residual=-1) for margin in np.linspace(8, 9, 21)]
        p = {spec.margin: judge(study(claim(spec)), EASY)[1]["C39", "main"]["p"] for spec in tried}
        barely = next(spec for spec in tried if 0.0125 < p[spec.margin] < 0.025)
        assert self._whole(barely, self.WORSE)[0] == "inconclusive"

    def test_one_that_is_not_tested_keeps_the_whole_back(self) -> None:
        assert judge(study(claim(ERROR)), EASY)[1]["C07", "whole"]["verdict"] == "not tested"
        found = {arm: dict(list(members.items())[:6]) for arm, members in EASY.items()}
        listed = claim(ERROR, id="C07", part="gradients")
        assert judge(study(listed), found)[1]["C07", "whole"]["verdict"] == "running"


class TestReasons:
    def _row(self, spec: ContrastSpec, seeds: int = 8, **arms: Sequence[Record]) -> dict[str, Any]:
        contrasts, _ = judge(study(claim(spec), seeds=seeds), runs(**arms))
        row: dict[str, Any] = contrasts[0]
        return row

    def test_too_few_seeds(self) -> None:
        row = self._row(ERROR, 3, plain=errors(20, 21, 22), residual=errors(10, 11, 10))
        assert (row["verdict"], row["p"]) == ("inconclusive", None)
        assert row["reason"] == "3 seeds cannot decide; 6 at least"
        assert row["low"] is not None

    def test_five_seeds_decide_where_no_run_can_be_lost(self) -> None:
        """An arm that diverges in nearly half of its runs may do so in none of five."""
        norms = [[finished(test_error=e, first_gradient_norm=g) for e in (0.2, 0.21)] for g in (1.0, 8.0)]
        plain, residual = ([*runs, *runs, runs[0]] for runs in norms)
        row = self._row(GRADIENT, 5, plain=plain, residual=residual)
        assert (row["verdict"], row["reason"]) == ("supported", None)
        row = self._row(ERROR, 5, plain=plain, residual=residual)
        assert (row["verdict"], row["reason"]) == ("inconclusive", "5 seeds cannot decide; 6 at least")

    def test_diverged_and_too_few(self) -> None:
        plain = [*errors(20, 21, 22, 20), unfinished("diverged")]
        row = self._row(ERROR, 5, plain=plain, residual=errors(10, 11, 10, 10, 10))
        assert row["method"] == "sign"
        assert row["reason"] == "1 run diverged; 5 seeds cannot decide by a sign test; 6 at least"

    def test_divergence_is_evidence(self) -> None:
        plain = [*errors(20, 21, 22), *[unfinished("diverged") for _ in range(5)]]
        row = self._row(ERROR, plain=plain, residual=errors(10, 11, 10, 10, 10, 11, 10, 10))
        assert (row["verdict"], row["method"], row["diverged"], row["estimate"]) == (
            "supported",
            "sign",
            5,
            INF,
        )
        assert row["p"] == pytest.approx(1 / 256)

    def test_seeds_that_would_settle(self) -> None:
        row = self._row(
            ERROR, plain=errors(12, 15, 10, 16, 14, 9, 13, 14), residual=errors(10, 11, 12, 9, 10, 11, 12, 10)
        )
        assert row["verdict"] == "inconclusive"
        assert row["settle_seeds"] > 8
        assert row["settle_images"] is None
        chance = "chance 80 % if the effect is as estimated"
        assert row["reason"] == f"about {row['settle_seeds']} seeds would settle it ({chance})"

    def test_images_that_would_settle(self) -> None:
        plain, residual = errors(*[12.1] * 7, 12.2), errors(*[10] * 8)
        # Wrong on other images than the residual network.
        plain = [fakes.changed(run, test={k: v[::-1] for k, v in (run.test() or {}).items()}) for run in plain]
        row = self._row(ERROR, plain=plain, residual=residual)
        assert (row["verdict"], row["method"], row["settle_seeds"]) == ("inconclusive", "satterthwaite", None)
        assert row["settle_images"] > 1000
        assert " test images would settle it (chance 80 %" in row["reason"]
        assert row["reason"].endswith("; more seeds alone would not")

    def test_what_cannot_come_out_as_claimed_gets_no_verdict(self) -> None:
        found = {"plain": errors(*[0.8, 0.7] * 4), "residual": errors(*[0.6] * 8)}
        assert self._row(ERROR, **found)["verdict"] == "equivalent"
        lowered, raised = (ERROR.model_copy(update={"baseline": arm}) for arm in ("plain", "residual"))
        row = self._row(lowered, **found)
        assert (row["verdict"], row["reason"]) == (
            "no room",
            "there is room for 0.75 pp at most, and the margin is 1 pp",
        )
        assert self._row(raised, **found)["verdict"] == "equivalent"  # an error can rise to 100 %
        some = {"plain": errors(*[3, 3.2] * 4), "residual": errors(*[3] * 8)}
        row = self._row(lowered, **some)
        assert (row["verdict"], row["reason"]) == (
            "no room",
            "there is room for 3.1 pp at most, and the margin is 1 pp, more than a quarter of it, so that an effect "
            "within the margin need not be negligible",
        )
        dead = finished(test_error=0.9, train_error=0.9, train_loss=2.302)
        lost = some | {"residual": [*errors(*[3] * 7), dead]}
        assert (self._row(ERROR, **lost)["verdict"], self._row(lowered, **lost)["verdict"]) == ("equivalent", "no room")
        gone = {"plain": [*errors(*[3, 3.2] * 3, 3), dead], "residual": errors(*[3] * 8)}
        assert self._row(lowered, **gone)["reason"].startswith("there is room for 3.1 pp")  # of those that trained
        more = {"plain": errors(*[4.1, 4.2] * 4), "residual": errors(*[4] * 8)}
        assert self._row(lowered, **more)["verdict"] == "equivalent"
        halved = {"plain": errors(*[3, 3.2] * 4), "residual": errors(*[1] * 8)}
        assert self._row(lowered, **halved)["verdict"] == "supported"  # for which there was room enough
        against = {"plain": errors(*[0.8, 0.7] * 4), "residual": errors(*[30] * 8)}
        assert self._row(lowered, **against)["verdict"] == "contradicted"  # that there was room for
        high = {"plain": errors(*[99.9, 100] * 4), "residual": errors(*[99.5] * 8)}
        row = self._row(raised, **high)
        assert (row["verdict"], row["reason"]) == (
            "no room",
            "there is room for 0.5 pp at most, and the margin is 1 pp",
        )

    def test_what_could_hardly_have_differed_is_no_evidence_of_no_difference(self) -> None:
        """A claim of no difference is held to what one that was refuted is: four margins."""
        less, more = ({"plain": errors(*[e, e + 0.1] * 4), "residual": errors(*[e] * 8)} for e in (3, 4.1))
        for direction, weights in (
            ("equal", {"plain": 1, "residual": -1}),
            ("not-greater", {"plain": 1, "residual": -1}),
            ("not-less", {"residual": 1, "plain": -1}),
        ):
            part = contrast("test_error", direction, **weights).model_copy(update={"baseline": "plain"})
            assert [self._row(part, **found)["verdict"] for found in (less, more)] == ["no room", "supported"]
        part = contrast("test_error", "not-greater", residual=1, plain=-1).model_copy(update={"baseline": "plain"})
        assert self._row(part, **less)["verdict"] == "supported"  # an error can rise to 100 %
        worse = {"plain": errors(*[3, 3.1] * 4), "residual": errors(*[30] * 8)}
        assert self._row(part, **worse)["verdict"] == "contradicted"

    def test_failed_runs_are_counted_and_take_over(self) -> None:
        dead = [finished(test_error=0.9, train_error=0.9, train_loss=2.302) for _ in range(2)]
        row = self._row(ERROR, plain=[*errors(*[20] * 6), *dead], residual=errors(*[10] * 8))
        assert (row["verdict"], row["method"], row["failed"], row["diverged"]) == ("supported", "sign", 2, 0)
        row = self._row(ERROR, 5, plain=[*errors(*[20] * 4), dead[0]], residual=errors(*[10] * 5))
        assert row["reason"] == "1 run failed to train; 5 seeds cannot decide by a sign test; 6 at least"

    def test_what_is_no_worse_says_how_many_failures_would_go_unseen(self) -> None:
        same = {"plain": errors(*[10, 10.1] * 4), "residual": errors(*[10] * 8)}
        open_to = "that no run failed leaves open that one in 3 would, in either arm"
        for direction, word in (("greater", "equivalent"), ("equal", "supported"), ("not-greater", "supported")):
            row = self._row(contrast("test_error", direction, plain=1, residual=-1), **same)
            assert (row["verdict"], row["reason"]) == (word, open_to)
        row = self._row(contrast("first_gradient_norm", "equal", plain=1, residual=-1), **same)
        assert (row["verdict"], row["reason"]) == ("supported", None)  # read before any could

    def test_what_is_no_worse_beside_a_failure_is_so_of_the_median_pair(self) -> None:
        dead = finished(test_error=0.9, train_error=0.9, train_loss=2.302)
        row = self._row(ERROR, plain=[*errors(*[10, 10.1] * 3, 10), dead], residual=errors(*[10] * 8))
        told = "1 run failed to train; the verdict is of the median pair"
        assert (row["verdict"], row["reason"]) == ("equivalent", told)


class TestLooks:
    def test_seeds_added_after_a_look_are_flagged(self, tmp_path: Path) -> None:
        looks = tmp_path / "looks.json"

        def flag(seeds: int) -> bool:
            return bool(judge(study(claim(ERROR), seeds=seeds), EASY, looks)[1]["C39", "main"]["seeds_added"])

        assert [flag(seeds) for seeds in (5, 5, 8, 5, 8)] == [False, False, True, False, True]
        assert list(json.loads(looks.read_text()).values()) == [[0, 1, 2, 3, 4]]

    def test_a_running_claim_was_not_looked_at(self, tmp_path: Path) -> None:
        looks = tmp_path / "looks.json"
        found = {arm: {seed: members[seed] for seed in range(6)} for arm, members in EASY.items()}
        assert judge(study(claim(ERROR)), found, looks)[1]["C39", "main"]["verdict"] == "running"
        assert not looks.exists()
        assert not judge(study(claim(ERROR)), EASY, looks)[1]["C39", "main"]["seeds_added"]

    def test_other_arms_are_another_question(self, tmp_path: Path) -> None:
        looks = tmp_path / "looks.json"
        judge(study(claim(ERROR), seeds=5), EASY, looks)
        before = looks.read_text()
        other = contrast("test_error", wide=1, residual=-1)
        found = EASY | {"wide-id": EASY["plain-id"]}
        assert not judge(study(claim(other)), found, looks)[1]["C39", "main"]["seeds_added"]
        entries = json.loads(looks.read_text())
        assert json.loads(before).items() <= entries.items()
        assert len(entries) == 2

    def test_nothing_new_writes_nothing(self, tmp_path: Path) -> None:
        looks = tmp_path / "looks.json"
        judge(study(claim(ERROR)), EASY, looks)
        looks.chmod(0o444)
        inode = looks.stat().st_ino
        judge(study(claim(ERROR)), EASY, looks)
        assert looks.stat().st_ino == inode

    def test_a_broken_memory_is_one_line(self, tmp_path: Path) -> None:
        looks = tmp_path / "looks.json"
        looks.write_text("{")
        with pytest.raises(UserError, match=r"looks\.json"):
            judge(study(claim(ERROR)), EASY, looks)


def test_records_on_disk_are_judged_as_they_are(tmp_path: Path) -> None:
    found = {
        arm: {seed: fakes.write(run, tmp_path / f"{arm}-{seed}") for seed, run in members.items()}
        for arm, members in EASY.items()
    }
    one = study(claim(ERROR, GRADIENT))
    assert fakes.judge_studies([one], REGISTRY, found, None) == fakes.judge_studies([one], REGISTRY, EASY, None)
