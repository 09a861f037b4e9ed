"""Whether a verdict hangs on its margin, a single seed, the learning rate, or on being one of many: table `robustness`.

All of it comes from the functions that give the verdict itself, on the same effects.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cnnlab.analysis import decisions, intervals
from cnnlab.analysis.decisions import Hypothesis
from cnnlab.analysis.effects import observe
from cnnlab.analysis.tables.frames import Row
from cnnlab.analysis.tables.schema import CLAIM, COUNT, FLAG, NUMBER, TEXT, schema
from cnnlab.analysis.verdicts import hypothesis, judge_claim, runs_of
from cnnlab.planning.datasets import split_sizes
from cnnlab.planning.verdicts import Verdict
from cnnlab.training.records import RESULT, SPEC, TEST, Record, Records

if TYPE_CHECKING:
    from cnnlab.planning.specs import ArmSpec
    from cnnlab.planning.studies.claims import ClaimRegistry
    from cnnlab.planning.studies.study import Study
    from cnnlab.planning.studies.study_file import ClaimSpec

COLUMNS = {
    "robustness": schema(
        {
            **CLAIM,
            "study": (TEXT, "that tests it"),
            "verdict": (TEXT, "as in claims"),
            "margin_halved": (TEXT, "the verdict with each margin halved"),
            "margin_doubled": (TEXT, "the verdict with each margin doubled"),
            "leave_one_out": (
                TEXT,
                "JSON, how often each verdict occurs with one seed left out; missing if too few stay",
            ),
            "leave_one_out_same": (COUNT, "seeds without any one of which the verdict is the same"),
            "n": (COUNT, "seeds"),
            "rate_lower": (
                TEXT,
                "the verdict on tuning runs a step of the grid below the rate of each seed, over seeds alone; "
                "missing unless each seed is tuned by itself, by errors or losses, and they suffice",
            ),
            "rate_chosen": (TEXT, "the same at the rates that were chosen"),
            "rate_higher": (TEXT, "the same a step above them"),
            "rate_seeds": (COUNT, "the fewest seeds behind these three: those whose rates have such neighbours"),
            "tuning_share": (NUMBER, "length of the tuning runs, as a share of a run: the shortest of any arm"),
            "validation_images": (COUNT, "about how many the tuning runs are judged on: the fewest of any arm"),
            "stands_ledger_wide": (FLAG, "the verdict is the same at error rates divided by K; missing if it is open"),
        },
        required=("id", "part", "study", "verdict"),
        sort=("id", "part", "study"),
    ),
}


# Metrics that a tuning run has too, on the validation images: the error, or the loss.
OF_TUNING_RUNS = {"test_error", "test_error_ratio", "test_loss"}
STEPS = {"rate_lower": -1, "rate_chosen": 0, "rate_higher": 1}


def with_margin(claims: Sequence[Hypothesis], factor: float) -> str:
    """The verdict on a claim whose parts are `claims`, had each margin been `factor` times what it is."""
    return str(decisions.conjunction([replace(claim, margin=factor * claim.margin) for claim in claims]))


def verdicts_without_a_seed(without: Sequence[Sequence[Hypothesis]]) -> dict[str, int] | None:
    """How often each verdict occurs with one seed left out: for each seed, the parts of the claim without it.

    None if what is left is too few seeds for any verdict: that says nothing of the seed that was left out.
    """
    if not all(intervals.decidable(claim.effects) for claims in without for claim in claims):
        return None
    count = Counter(str(decisions.conjunction(claims)) for claims in without)
    return {word: count[word] for word in Verdict if count[word]}


def rows(studies: Sequence[Study], registry: ClaimRegistry, runs: Records) -> list[Row]:
    """A row for each claim that a study tests, from `runs` (by arm id and seed).

    A claim with a run missing is running, and nothing else is said of it.
    """
    return [_row(study, claim, registry, runs) for study in studies for claim in study.claims]


def _row(study: Study, claim: ClaimSpec, registry: ClaimRegistry, runs: Records) -> Row:
    row: Row = {"id": claim.id, "part": claim.part, "study": study.name, "verdict": Verdict.RUNNING}
    # Read once, however many seeds are left out in turn.
    names = {name for contrast in claim.requires for name in contrast.contrast}
    arms = {arm.spec.arm_id for name, arm in study.arms.items() if name in names}
    held = {arm: {seed: run.in_memory() for seed, run in runs.get(arm, {}).items()} for arm in arms}
    judged = judge_claim(claim, study, held)
    if judged.verdict in (Verdict.RUNNING, Verdict.NO_ROOM):
        return row | {"verdict": judged.verdict}
    claims = [part.claim for part in judged.parts if part.claim]
    family = registry.empirical_parts if registry.get(claim.id) else None
    others = [[seed for seed in study.seeds if seed != left_out] for left_out in study.seeds]
    one_out = verdicts_without_a_seed([_hypotheses(claim, study, held, seeds) for seeds in others])
    return row | {
        "verdict": judged.verdict,
        "margin_halved": with_margin(claims, 0.5),
        "margin_doubled": with_margin(claims, 2.0),
        "leave_one_out": None if one_out is None else json.dumps(one_out),
        "leave_one_out_same": None if one_out is None else one_out.get(judged.verdict, 0),
        "n": len(study.seeds),
        **at_neighbouring_rates(claim, study, held),
        "stands_ledger_wide": None if family is None else decisions.stands(claims, family),
    }


def at_neighbouring_rates(claim: ClaimSpec, study: Study, runs: Records) -> Row:
    """The verdicts on tuning runs at rates a step lower, as chosen, and a step higher, in all arms at once."""
    arms = {study.arms[name].spec.arm_id: study.arms[name].spec for part in claim.requires for name in part.contrast}
    trains = [arm.train for arm in arms.values()]
    by_seed = all(train.tune.per == "seed" and train.epochs and train.learning_rate is None for train in trains)
    row: Row = dict.fromkeys((*STEPS, "rate_seeds", "tuning_share", "validation_images"))
    if not by_seed or any(part.metric not in OF_TUNING_RUNS for part in claim.requires):
        return row
    images = {arm_id: split_sizes(arm.data)[1] for arm_id, arm in arms.items()}
    fewest = []
    for column, step in STEPS.items():
        moved = {arm_id: _tuning_runs(runs[arm_id], arm, step, images[arm_id]) for arm_id, arm in arms.items()}
        seeds = tuple(seed for seed in study.seeds if all(seed in of_arm for of_arm in moved.values()))
        if len(seeds) >= intervals.LEAST_SIGNS:
            row[column] = judge_claim(claim, replace(study, seeds=seeds), moved).verdict
            fewest.append(len(seeds))
    if fewest:
        share = min(train.tune.epochs_share for train in trains)
        row |= {"rate_seeds": min(fewest), "tuning_share": share, "validation_images": min(images.values())}
    return row


def _tuning_runs(runs: Mapping[int, Record], arm: ArmSpec, step: int, images: int) -> dict[int, Record]:
    """Of each seed the tuning run at its rate, or `step` rates further on its grid, where there is one: as a run that
    was tested on the validation images."""
    moved, labels = {}, np.arange(len(arm.data.source.classes))  # by which a run is known to have learned nothing
    for seed, run in runs.items():
        trials = run.spec["tuning"]
        place = [trial["learning_rate"] for trial in trials].index(run.spec["learning_rate"]) + step
        if 0 <= place < len(trials):
            error, loss = trials[place]["validation_error"], trials[place]["validation_loss"]
            result = {"status": trials[place]["status"], "test_images": images}
            result |= {f"{split}_error": error for split in ("train", "test")}  # the former says whether it learned
            result |= {f"{split}_loss": loss for split in ("train", "test")}
            contents = {SPEC: run.spec, RESULT: {**run.result, **result}, TEST: {"label": labels}}
            moved[seed] = Record(contents=contents)
    return moved


def _hypotheses(claim: ClaimSpec, study: Study, runs: Records, seeds: Sequence[int]) -> list[Hypothesis]:
    """What each part claims, as far as `seeds` show it."""
    return [hypothesis(part, observe(part, runs_of(part, study, runs), seeds)) for part in claim.requires]
