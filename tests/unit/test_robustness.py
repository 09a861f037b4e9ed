"""Robustness of verdicts, by examples that can be checked by hand; and verdicts that others have no part in."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from cnnlab.analysis import decisions, robustness
from cnnlab.analysis.decisions import Hypothesis
from cnnlab.analysis.intervals import Effects
from cnnlab.analysis.tables.columns import TABLES
from cnnlab.analysis.tables.io import table
from cnnlab.planning.specs import TrainSpec, TuneSpec
from cnnlab.planning.studies.claims import ClaimRegistry
from cnnlab.planning.studies.study import Study
from cnnlab.planning.studies.study_file import ContrastSpec
from cnnlab.training.records import Record
from tests.fakes import changed, judge_studies
from tests.unit.test_verdict import (
    EASY,
    ERROR,
    GRADIENT,
    REGISTRY,
    claim,
    contrast,
    errors,
    finished,
    runs,
    study,
    unfinished,
)

# Ten seeds, mean 0 and sd 1: the 95 % interval of t reaches 0.715 to either side.
NOISE = np.array([-1, 1] * 5) * np.sqrt(0.9)


def _about(mean: float, direction: Any = "greater", margin: float = 1.0, room: float = math.inf) -> Hypothesis:
    return Hypothesis(Effects.of(mean + NOISE), direction, margin, room)


class TestMargin:
    def test_halved_and_doubled(self) -> None:
        """1.5 ± 0.715 lies beyond 0.5, across 1 and 2."""
        assert robustness.with_margin([_about(1.5)], 1.0) == "inconclusive"
        assert robustness.with_margin([_about(1.5)], 0.5) == "supported"
        assert robustness.with_margin([_about(1.5)], 2.0) == "inconclusive"

    def test_of_a_conjunction_each_part_has_its_own(self) -> None:
        parts = [_about(1.5), _about(9.0, margin=4.0)]
        assert robustness.with_margin(parts, 1.0) == "inconclusive"
        assert robustness.with_margin(parts, 0.5) == "supported"
        assert robustness.with_margin([_about(1.5), _about(0.0, margin=4.0)], 0.5) == "equivalent"

    def test_what_the_baseline_leaves_room_for_is_measured_in_the_margin_that_is_tried(self) -> None:
        assert robustness.with_margin([_about(0.0, room=4.5)], 1.0) == "equivalent"
        assert robustness.with_margin([_about(0.0, room=4.5)], 2.0) == "no room"
        assert robustness.with_margin([_about(3.0, room=4.5)], 2.0) == "supported"
        assert robustness.with_margin([_about(3.0, room=2.0)], 2.0) == "no room"
        assert robustness.with_margin([_about(-3.0, room=2.0)], 2.0) == "contradicted"
        assert robustness.with_margin([_about(9.0, room=9.5), _about(0.0, room=4.5)], 1.0) == "equivalent"
        assert robustness.with_margin([_about(9.0, room=9.5), _about(0.0, room=3.5)], 1.0) == "no room"


class TestOneSeedLeftOut:
    def _without(self, values: Sequence[float]) -> list[list[Hypothesis]]:
        rest = (np.delete(values, index) for index in range(len(values)))
        return [[Hypothesis(Effects.of(each), "greater", 1.0)] for each in rest]

    def test_a_verdict_that_one_seed_alone_prevents(self) -> None:
        found = robustness.verdicts_without_a_seed(self._without([2.0, 2.1, 2.0, 2.1, 2.0, 2.1, -9.0]))
        assert found == {"supported": 1, "inconclusive": 6}

    def test_a_verdict_that_no_seed_changes(self) -> None:
        assert robustness.verdicts_without_a_seed(self._without([2.0, 2.1] * 4)) == {"supported": 8}

    def test_room_counts_as_it_does_for_the_verdict(self) -> None:
        """Without the last seed, the errors of the baseline are 3.9 on average: too few for four margins of 1."""
        found = runs(plain=errors(*[3.9] * 7, 11.9), residual=errors(*[3.9] * 7, 11.9))
        row = _only(study(claim(ERROR.model_copy(update={"baseline": "plain"}))), found)
        assert (row["verdict"], json.loads(row["leave_one_out"])) == ("equivalent", {"equivalent": 7, "no room": 1})

    def test_too_few_left_say_nothing(self) -> None:
        assert robustness.verdicts_without_a_seed(self._without([2.0, 2.1, 2.0, 2.1, 2.0])) is None


class TestLedgerWide:
    def test_support_stands_if_p_times_k_is_small(self) -> None:
        """One-sided p of a mean 3.5 standard errors beyond the margin, 9 degrees of freedom: 0.0034."""
        part = _about(1 + 3.5 / np.sqrt(10))
        assert decisions.stands([part], 7) is True
        assert decisions.stands([part], 8) is False
        assert decisions.stands([part, _about(9.0)], 7) is True
        assert decisions.stands([part, _about(9.0)], 8) is False

    def test_a_refutation_stands_at_the_stricter_level(self) -> None:
        part = _about(-1 - 3.5 / np.sqrt(10))
        assert decisions.stands([part], 7) is True
        assert decisions.stands([part], 8) is False
        assert decisions.stands([part, _about(9.0)], 3) is True
        assert decisions.stands([part, _about(9.0)], 4) is False

    def test_an_open_verdict_has_nothing_to_stand(self) -> None:
        assert decisions.stands([_about(3.0), _about(0.0, room=3.5)], 1) is None
        assert decisions.stands([_about(1.5)], 7) is None


def _only(one: Study, found: Any, registry: ClaimRegistry = REGISTRY) -> dict[str, Any]:
    (row,) = robustness.rows([one], registry, found)
    return row


class TestRows:
    def test_of_a_claim_beyond_doubt(self) -> None:
        row = _only(study(claim(ERROR)), EASY)
        assert set(row) == set(TABLES["robustness"].columns)
        assert (row["id"], row["part"], row["study"], row["verdict"]) == ("C39", "main", "depth", "supported")
        assert (row["margin_halved"], row["margin_doubled"]) == ("supported", "supported")
        assert (json.loads(row["leave_one_out"]), row["leave_one_out_same"], row["n"]) == ({"supported": 8}, 8, 8)
        assert row["stands_ledger_wide"] is True

    def test_of_a_claim_that_one_seed_decides(self) -> None:
        """Seven seeds differ by 10 pp and one by -40: without that one, and only then, it is supported."""
        found = runs(plain=errors(20, 20.2, 20.4, 20, 20.2, 20.4, 20, 10), residual=errors(*[10.0] * 7, 50))
        row = _only(study(claim(ERROR)), found)
        assert row["verdict"] == "inconclusive"
        assert json.loads(row["leave_one_out"]) == {"supported": 1, "inconclusive": 7}
        assert (row["leave_one_out_same"], row["stands_ledger_wide"]) == (7, None)

    def test_divergence_takes_the_sign_test_with_it(self) -> None:
        """Without the run that diverged, t decides; with it, seven of the other seven pairs agree."""
        plain = [*errors(20, 21, 22, 20, 21, 22, 20), unfinished("diverged")]
        row = _only(study(claim(ERROR)), runs(plain=plain, residual=errors(*[10, 11] * 4)))
        assert (row["verdict"], json.loads(row["leave_one_out"])) == ("supported", {"supported": 8})

    def test_a_claim_of_the_studys_own_is_in_no_ledger(self) -> None:
        assert _only(study(claim(ERROR, id="mine")), EASY)["stands_ledger_wide"] is None

    def test_at_six_seeds_none_can_be_spared(self) -> None:
        row = _only(study(claim(ERROR), seeds=6), EASY)
        assert (row["verdict"], row["leave_one_out"], row["leave_one_out_same"]) == ("supported", None, None)

    def test_a_running_claim_shows_nothing(self) -> None:
        found = {arm: dict(members) for arm, members in EASY.items()}
        del found["plain-id"][7]
        row = _only(study(claim(ERROR)), found)
        assert row == {"id": "C39", "part": "main", "study": "depth", "verdict": "running"}

    def test_the_verdict_is_that_of_the_ledger(self) -> None:
        for part in (ERROR, GRADIENT, contrast("test_error", "less", plain=1, residual=-1)):
            one = study(claim(part))
            (ledger, *_) = judge_studies([one], REGISTRY, EASY, None)[1]
            assert _only(one, EASY)["verdict"] == ledger["verdict"]

    def test_the_table_takes_them(self) -> None:
        one = study(claim(ERROR), claim(GRADIENT, id="C07", part="gradients"))
        frame = table("robustness", robustness.rows([one, study(claim(ERROR), name="again")], REGISTRY, EASY))
        assert frame[["id", "study"]].to_numpy().tolist() == [["C07", "depth"], ["C39", "again"], ["C39", "depth"]]

    def test_arrays_are_read_once(self) -> None:
        read = []

        class Counted(Record):
            def test(self) -> dict[str, np.ndarray] | None:
                read.append(self)
                return super().test()

        found = {
            arm: {seed: Counted(contents=run.contents) for seed, run in members.items()}
            for arm, members in EASY.items()
        }
        _only(study(claim(ERROR)), found)
        assert len(read) == 16


APART = TrainSpec(epochs=5, tune=TuneSpec(rates=(0.01, 0.03, 0.1), epochs_share=0.5, per="seed"))


def _tuned(errors_by_rate: Sequence[Sequence[float | None]], chosen: Sequence[int]) -> list[Record]:
    """Runs of equal test errors, whose tuning had these errors in percent at each rate of each seed."""
    made = []
    for of_seed, place in zip(errors_by_rate, chosen, strict=True):
        trials = [
            {
                "learning_rate": rate,
                "status": "diverged" if error is None else "finished",
                "validation_error": None if error is None else error / 100,
                "validation_loss": None if error is None else error / 10,
            }
            for rate, error in zip(APART.tune.rates, of_seed, strict=True)
        ]
        spec = {"data_checksum": "digits", "tuning": trials, "learning_rate": APART.tune.rates[place]}
        made.append(changed(finished(test_error=0.1), spec=spec))
    return made


class TestNeighbouringRates:
    """Both arms err as much, but a step above the chosen rates, where one errs by 9 points more."""

    PLAIN = _tuned([(12 + s / 5, 10 + s / 5, 21 - s / 5) for s in range(8)], [1] * 8)
    RESIDUAL = _tuned([(12, 10, 11)] * 8, [1] * 8)

    def _row(self, plain: Sequence[Record], residual: Sequence[Record], **changes: Any) -> dict[str, Any]:
        part = contrast(changes.pop("metric", "test_error"), margin=changes.pop("margin", 2), plain=1, residual=-1)
        return _only(study(claim(part), **{"train": APART, **changes}), runs(plain=plain, residual=residual))

    def test_all_arms_move_together(self) -> None:
        row = self._row(self.PLAIN, self.RESIDUAL)
        verdicts = [row[rate] for rate in robustness.STEPS]
        assert (row["verdict"], verdicts) == ("equivalent", ["equivalent", "equivalent", "supported"])
        assert (row["rate_seeds"], row["tuning_share"], row["validation_images"]) == (8, 0.5, 500)

    def test_by_the_rule_and_margin_of_the_claim(self) -> None:
        """Differences of 10 - s / 5, s from 0 to 7, are 9.3 on average; the 95 % interval of t reaches 0.41 to either
        side, and with one image of 500 0.46: beyond 8.8, not beyond 8.85."""
        assert self._row(self.PLAIN, self.RESIDUAL, margin=8.8)["rate_higher"] == "supported"
        assert self._row(self.PLAIN, self.RESIDUAL, margin=8.85)["rate_higher"] == "inconclusive"

    def test_each_seed_moves_from_its_own_rate(self) -> None:
        """Half of the seeds chose the lowest rate, and have none below it: four are too few."""
        errors = [(10, 11, 30) if seed % 2 else (12, 10, 11) for seed in range(8)]
        row = self._row(_tuned(errors, [0 if seed % 2 else 1 for seed in range(8)]), self.RESIDUAL)
        assert [row[rate] for rate in robustness.STEPS] == [None, "equivalent", "equivalent"]
        assert row["rate_seeds"] == 8

    def test_seeds_without_such_a_neighbour_are_left_out_and_counted(self) -> None:
        plain = _tuned([(12, 10, 11)] * 7 + [(10, 12, 14)], [1] * 7 + [0])
        row = self._row(plain, self.RESIDUAL)
        assert (row["rate_lower"], row["rate_seeds"]) == ("equivalent", 7)

    def test_tuning_runs_that_diverged_or_learned_nothing_are_worse_than_any(self) -> None:
        """As many as all of them: the sign test supports what it could not were they left out."""
        for lost in (None, 90.0):
            row = self._row(_tuned([(12, 10, lost)] * 8, [1] * 8), self.RESIDUAL, margin=85)
            assert (row["rate_chosen"], row["rate_higher"]) == ("equivalent", "supported")

    def test_beside_a_run_that_diverged_too(self) -> None:
        """Which has no test images, whose labels would say how many classes are guessed among."""
        plain = _tuned([(12, 10, 90.0)] * 8, [1] * 8)
        lost = [changed(run, result={**unfinished("diverged").result}, test=None) for run in plain]
        assert self._row(lost, self.RESIDUAL, margin=85)["rate_higher"] == "supported"

    def test_of_arms_whose_tuning_runs_differ_in_length_the_shortest_is_told(self) -> None:
        short = APART.model_copy(update={"tune": APART.tune.model_copy(update={"epochs_share": 0.25})})
        one = study(claim(contrast("test_error", margin=2, plain=1, residual=-1)), train=APART)
        spec = SimpleNamespace(arm_id="residual-id", train=short, data=one.arms["residual"].spec.data)
        arms = {**one.arms, "residual": replace(one.arms["residual"], spec=cast(Any, spec))}
        row = _only(replace(one, arms=arms), runs(plain=self.PLAIN, residual=self.RESIDUAL))
        assert row["tuning_share"] == 0.25

    def test_the_loss_is_that_of_the_tuning_runs(self) -> None:
        row = self._row(self.PLAIN, self.RESIDUAL, metric="test_loss", margin=0.7)
        assert row["rate_higher"] == "supported"

    @pytest.mark.parametrize(
        "changes",
        [
            {"train": TrainSpec(epochs=5, tune=TuneSpec(seeds=8))},
            {"train": APART.model_copy(update={"learning_rate": 0.1})},
            {"metric": "gap"},
            {"seeds": 5},
        ],
        ids=["tuned once for all seeds", "a fixed rate", "tuning runs lack it", "too few seeds"],
    )
    def test_otherwise_nothing_is_said(self, changes: dict[str, Any]) -> None:
        row = self._row(self.PLAIN, self.RESIDUAL, **changes)
        names = (*robustness.STEPS, "rate_seeds", "tuning_share", "validation_images")
        assert [row[name] for name in names] == [None] * 6


def _noisy(rng: np.random.Generator) -> Record:
    error = float(rng.normal(0.1, 0.02))
    return finished(
        test_error=error, first_gradient_norm=float(rng.lognormal()), steps_to_target=50 * int(rng.integers(1, 9))
    )


class TestAlone:
    """The verdict on a claim is the same, digit for digit, when its study runs alone and with all others."""

    @pytest.fixture
    def found(self) -> dict[str, dict[int, Record]]:
        rng = np.random.default_rng(0)
        return runs(**{arm: [_noisy(rng) for _ in range(10)] for arm in ("plain", "residual", "wide", "deep")})

    @pytest.fixture
    def studies(self) -> list[Study]:
        """They share arms, and a claim; one asks for more seeds, one for other metrics."""
        steps = contrast("steps_to_target", plain=1, residual=-1)
        cells = contrast("test_error", plain=1, residual=-1, wide=-1, deep=1)
        return [
            study(claim(ERROR), name="depth", secondary=[GRADIENT]),
            study(claim(ERROR, cells), name="both", seeds=10),
            study(claim(steps, id="mine"), name="own", secondary=[cells]),
            study(claim(GRADIENT, id="C07", part="gradients"), name="gradients", seeds=6),
        ]

    def test_rows_of_contrasts_and_claims(self, studies: list[Study], found: Any) -> None:
        contrasts, claims = judge_studies(studies, REGISTRY, found, None)
        for one in studies:
            alone_contrasts, alone_claims = judge_studies([one], REGISTRY, found, None)
            assert alone_contrasts == [row for row in contrasts if row["study"] == one.name]
            tested = [row for row in alone_claims if row["study"]]
            assert tested == [row for row in claims if row["study"] == one.name]
            assert len(tested) == 1

    def test_rows_of_robustness(self, studies: list[Study], found: Any) -> None:
        together = robustness.rows(studies, REGISTRY, found)
        assert together == [robustness.rows([one], REGISTRY, found)[0] for one in studies]

    def test_nor_do_runs_of_other_studies_count(self, studies: list[Study], found: Any) -> None:
        """Neither more seeds of its own arms nor arms that it has no part in."""
        one = studies[0]
        own = {arm: {seed: found[arm][seed] for seed in one.seeds} for arm in ("plain-id", "residual-id")}
        assert judge_studies([one], REGISTRY, own, None) == judge_studies([one], REGISTRY, found, None)

    def test_nor_the_order_of_the_studies(self, studies: list[Study], found: Any) -> None:
        assert judge_studies(studies[::-1], REGISTRY, found, None) == judge_studies(studies, REGISTRY, found, None)
        assert _sorted(robustness.rows(studies[::-1], REGISTRY, found)) == _sorted(
            robustness.rows(studies, REGISTRY, found)
        )

    def test_bytes_of_the_tables(self, studies: list[Study], found: Any) -> None:
        together, alone = (judge_studies(chosen, REGISTRY, found, None) for chosen in (studies, [studies[1]]))
        for name, all_rows, own_rows in zip(("contrasts", "claims"), together, alone, strict=True):
            frames = (table(name, rows) for rows in (all_rows, own_rows))
            one, other = (frame[frame["study"] == "both"].to_csv(index=False) for frame in frames)
            assert one.count("\n") > 1
            assert one == other


def _sorted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(row["study"]))


def test_a_contrast_needs_no_margin_to_be_secondary() -> None:
    """Secondary contrasts have no verdict, and so none that could be robust."""
    other = ContrastSpec(metric="test_error", contrast={"plain": 1, "residual": -1})
    assert len(robustness.rows([study(claim(ERROR), secondary=[other])], REGISTRY, EASY)) == 1
