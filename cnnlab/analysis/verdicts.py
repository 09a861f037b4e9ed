"""Studies and run records → the verdict on each contrast and on each claim.

No number of a claim is shown before all its runs are finished: whoever looks earlier can stop when it suits
them, and n would no longer be fixed in advance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import TYPE_CHECKING

from cnnlab.analysis import decisions
from cnnlab.analysis.decisions import Hypothesis
from cnnlab.analysis.effects import Observed, observe
from cnnlab.analysis.power import NONE_WOULD_DO, SampleSize, settle
from cnnlab.analysis.reasons import reason
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.verdicts import REFUTED, Verdict
from cnnlab.training.records import Record, Records

if TYPE_CHECKING:
    from cnnlab.planning.studies.study import Study
    from cnnlab.planning.studies.study_file import ClaimSpec, ContrastSpec


@dataclass(frozen=True, eq=False)
class Judged:
    """A contrast with its numbers; ``observed`` is None while a run is missing."""

    spec: ContrastSpec
    finished: int
    planned: int
    observed: Observed | None = None
    claim: Hypothesis | None = None  # None for a secondary contrast: it has no margin that could be passed
    verdict: str | None = None
    p: float | None = None
    needed: SampleSize = NONE_WOULD_DO
    reason: str | None = None

    @property
    def progress(self) -> str:
        return f"{self.finished} of {self.planned} seeds finished"


@dataclass(frozen=True, eq=False)
class JudgedClaim:
    """A claim, each of whose parts must hold; ``weakest`` is the part whose numbers stand for it."""

    parts: Sequence[Judged]
    weakest: Judged
    verdict: str
    reason: str | None


def judge_claim(claim: ClaimSpec, study: Study, runs: Records) -> JudgedClaim:
    """The verdict on a claim; all its parts are shown, or none is."""
    parts = [judge(contrast, study, runs, primary=True) for contrast in claim.requires]
    if not all(part.observed for part in parts):
        parts = [Judged(part.spec, part.finished, part.planned, verdict=Verdict.RUNNING) for part in parts]
        least = min(parts, key=lambda part: part.finished)
        return JudgedClaim(parts, least, Verdict.RUNNING, least.progress)
    verdict = str(decisions.conjunction([part.claim for part in parts if part.claim]))
    weakest = _weakest(parts, verdict)
    return JudgedClaim(parts, weakest, verdict, _claim_reason(parts, weakest, verdict))


def judge(contrast: ContrastSpec, study: Study, runs: Records, primary: bool) -> Judged:
    """The numbers of a contrast once all its runs are finished; and a verdict if it is `primary`."""
    arms = runs_of(contrast, study, runs)
    seeds = [seed for seed in study.seeds if all(seed in by_seed for by_seed in arms.values())]
    finished, planned = len(seeds), len(study.seeds)
    if finished < planned:
        return Judged(contrast, finished, planned)
    observed = observe(contrast, arms, seeds)
    if not primary:
        return Judged(contrast, finished, planned, observed)
    claim = hypothesis(contrast, observed)
    verdict = str(decisions.verdict(claim))
    needed = settle(claim) if verdict == Verdict.INCONCLUSIVE else NONE_WOULD_DO
    why = reason(observed, claim, verdict, METRICS[contrast.metric].unit, needed)
    p = float(decisions.p_value(claim))
    return Judged(contrast, finished, planned, observed, claim, verdict, None if isnan(p) else p, needed, why)


def hypothesis(contrast: ContrastSpec, observed: Observed) -> Hypothesis:
    """What a primary contrast claims, of what was observed."""
    assert contrast.direction is not None
    assert contrast.margin is not None
    return Hypothesis(observed.effects, contrast.direction, contrast.margin, observed.room_for(contrast.direction))


def runs_of(contrast: ContrastSpec, study: Study, runs: Records) -> dict[str, Mapping[int, Record]]:
    """The runs of the arms of a contrast, by their names in the study and by seed."""
    return {name: runs.get(study.arms[name].spec.arm_id, {}) for name in contrast.contrast}


def _weakest(parts: Sequence[Judged], verdict: str) -> Judged:
    """The part with the largest p for its line (0.025, equivalence 0.05), of those that refuted the claim."""

    def shortfall(part: Judged) -> float:
        return inf if part.p is None else part.p / decisions.error_rate(part.spec.direction)

    named = [part for part in parts if part.verdict == verdict and verdict in (*REFUTED, Verdict.NO_ROOM)]
    return max(named or parts, key=shortfall)


def _claim_reason(parts: Sequence[Judged], weakest: Judged, verdict: str) -> str | None:
    """Why the verdict on the claim is open: the reason of its weakest part, which is named if there are several."""
    if len(parts) == 1:
        return weakest.reason
    title = METRICS[weakest.spec.metric].title
    if verdict == Verdict.INCONCLUSIVE and weakest.verdict != Verdict.INCONCLUSIVE:  # k parts are k chances to err
        return f"one part ({title}) is {weakest.verdict} alone, but not at the level for {len(parts)} parts"
    if weakest.reason is None:
        return None
    return f"part {parts.index(weakest) + 1} of {len(parts)} ({title}): {weakest.reason}"
