"""Studies and run records → the rows of the tables `contrasts` and `claims`.

No number of a claim is shown before all its runs are finished: whoever looks earlier can stop when it suits
them, and n would no longer be fixed in advance.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.analysis import decisions, intervals
from cnnlab.analysis.decisions import Hypothesis
from cnnlab.analysis.effects import Observed, observe
from cnnlab.analysis.interim import Looks
from cnnlab.analysis.power import NOTHING, Settle, settle
from cnnlab.analysis.reasons import reason
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.verdicts import REFUTED, Verdict
from cnnlab.training.records import Record

if TYPE_CHECKING:
    from cnnlab.planning.claims import ClaimRegistry
    from cnnlab.planning.plan import Plan
    from cnnlab.planning.study import Study
    from cnnlab.planning.study_file import ClaimSpec, ContrastSpec

Row = dict[str, Any]
Runs = Mapping[str, Mapping[int, Record]]


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
    settle: Settle = NOTHING
    reason: str | None = None


def evaluate(
    plan: Plan, found: Runs, looks: Path | None, computed: Iterable[Mapping[Any, Any]] = ()
) -> tuple[list[Row], list[Row]]:
    """The rows of `contrasts` and of `claims`, from the runs in `found` (by arm id and seed).

    `computed` are the rows of the table ``exact``: claims that need no training.

    `looks` is the file that remembers with which seeds each verdict was first computed; None neither reads
    nor writes. Contrasts of measured times differ from run to run and are left to `measured_contrasts`.
    """
    return judge(plan.studies, plan.claims, found, looks, computed)


def measured_contrasts(plan: Plan, found: Runs) -> list[Row]:
    """Rows as of `contrasts`, for the secondary contrasts whose metric is measured by a clock."""
    return [row for study in _sorted(plan.studies) for row in _secondary_rows(study, found, measured=True)]


def judge(
    studies: Sequence[Study],
    registry: ClaimRegistry,
    found: Runs,
    looks: Path | None,
    computed: Iterable[Mapping[Any, Any]] = (),
) -> tuple[list[Row], list[Row]]:
    """`evaluate`, from a plan's parts."""
    memory = Looks.read(looks)
    contrasts: list[Row] = []
    tested: dict[tuple[str, str], list[Row]] = {}
    for study in _sorted(studies):
        for claim in study.claims:
            parts = [_judge(contrast, study, found, primary=True) for contrast in claim.requires]
            parts = _hidden_until_complete(parts)
            contrasts += [_contrast_row(study, part, i, claim) for i, part in enumerate(parts)]
            row = _claim_row(study, claim, parts, registry, memory)
            tested.setdefault((claim.id, claim.part), []).append(row)
        contrasts += _secondary_rows(study, found, measured=False)
    memory.write()
    exact = {(row["id"], row["part"]): row for row in computed}
    return contrasts, list(_ledger(registry, tested, exact))


def _sorted(studies: Sequence[Study]) -> list[Study]:
    return sorted(studies, key=lambda study: study.name)


def _ledger(
    registry: ClaimRegistry,
    tested: dict[tuple[str, str], list[Row]],
    exact: Mapping[tuple[str, str], Mapping[Any, Any]],
) -> Iterator[Row]:
    """Every part of every registered claim, tested or not; then the studies' own claims."""
    for claim in registry.claims:
        for part, kind in claim.parts.items():
            row = {"id": claim.id, "part": part, "kind": kind, "verdict": Verdict.NOT_TESTED}
            if (found := exact.get((claim.id, part))) is not None:
                row |= {"verdict": Verdict.HOLDS if found["holds"] else Verdict.FAILS, "reason": found["summary"]}
            yield from tested.pop((claim.id, part), [_complete_claim(row, registry)])
    for rows in tested.values():
        yield from rows


def _secondary_rows(study: Study, found: Runs, measured: bool) -> list[Row]:
    return [
        _contrast_row(study, _judge(contrast, study, found, primary=False), index)
        for index, contrast in enumerate(study.secondary)
        if METRICS[contrast.metric].measured == measured
    ]


def _judge(contrast: ContrastSpec, study: Study, found: Runs, primary: bool) -> Judged:
    arms = runs_of(contrast, study, found)
    seeds = [seed for seed in study.seeds if all(seed in runs for runs in arms.values())]
    finished, planned = len(seeds), len(study.seeds)
    if finished < planned:
        return Judged(contrast, finished, planned)
    observed = observe(contrast, arms, seeds)
    if not primary or contrast.direction is None or contrast.margin is None:
        return Judged(contrast, finished, planned, observed)
    claim = Hypothesis(observed.effects, contrast.direction, contrast.margin)
    verdict = str(decisions.verdict(claim))
    needed = settle(claim) if verdict == Verdict.INCONCLUSIVE else NOTHING
    why = reason(observed, claim, verdict, METRICS[contrast.metric].unit, needed)
    p = float(decisions.p_value(claim))
    return Judged(contrast, finished, planned, observed, claim, verdict, None if isnan(p) else p, needed, why)


def runs_of(contrast: ContrastSpec, study: Study, found: Runs) -> dict[str, Mapping[int, Record]]:
    """The runs of the arms of a contrast, by their names in the study and by seed."""
    return {name: found.get(study.arms[name].spec.arm_id, {}) for name in contrast.contrast}


def _hidden_until_complete(parts: Sequence[Judged]) -> list[Judged]:
    """All parts of a claim are shown, or none is."""
    if all(part.observed for part in parts):
        return list(parts)
    return [Judged(part.spec, part.finished, part.planned, verdict=Verdict.RUNNING) for part in parts]


def _contrast_row(study: Study, part: Judged, index: int, claim: ClaimSpec | None = None) -> Row:
    spec, observed = part.spec, part.observed
    numbers = asdict(intervals.summarize(observed.effects)) if observed else dict.fromkeys(_NUMBERS)
    family, switch = spec.cell
    return {
        "study": study.name,
        "claim": claim.id if claim else None,
        "part": claim.part if claim else None,
        "index": index,
        "primary": claim is not None,
        "extension": spec.extension,
        "metric": spec.metric,
        "unit": METRICS[spec.metric].unit,
        "contrast": json.dumps(spec.contrast, ensure_ascii=False),
        "direction": spec.direction,
        "margin": spec.margin,
        "label": spec.label,
        "family": family,
        "switch": switch,
        **numbers,
        "n": part.finished,
        "n_planned": part.planned,
        "correlation": observed.correlation if observed else None,
        "diverged": observed.diverged if observed else None,
        "censored": observed.censored if observed else None,
        "p": part.p,
        "verdict": part.verdict,
        "settle_seeds": part.settle.seeds,
        "settle_images": part.settle.images,
        "reason": part.reason if observed else _progress(part),
    }


def _progress(part: Judged) -> str:
    return f"{part.finished} of {part.planned} seeds finished"


_NUMBERS = tuple(intervals.Summary.__dataclass_fields__)


def _claim_row(study: Study, claim: ClaimSpec, parts: Sequence[Judged], registry: ClaimRegistry, looks: Looks) -> Row:
    """One claim in one study, with the numbers of its weakest part."""
    running = any(part.observed is None for part in parts)
    verdict = Verdict.RUNNING if running else str(decisions.conjunction([part.claim for part in parts if part.claim]))
    shown = min(parts, key=lambda part: part.finished) if running else _weakest(parts, verdict)
    row: Row = {
        "id": claim.id,
        "part": claim.part,
        "statement": claim.statement or study.question,
        "chapter": study.source.chapter,
        "kind": "empirical",
        "verdict": verdict,
        "study": study.name,
        "metric": shown.spec.metric,
        "unit": METRICS[shown.spec.metric].unit,
        "direction": shown.spec.direction,
        "margin": shown.spec.margin,
        "n": shown.finished,
        "reason": _progress(shown) if running else _claim_reason(parts, shown, verdict),
    }
    if shown.observed is not None and not running:
        numbers = intervals.summarize(shown.observed.effects)
        listed = registry.get(claim.id) is not None
        arms = {study.arms[name].spec.arm_id for part in parts for name in part.spec.contrast}
        row |= {
            "effect": numbers.estimate,
            "low": numbers.low,
            "high": numbers.high,
            "p": shown.p,
            "ledger_wide_p": decisions.ledger_wide_p(shown.p, registry.empirical_parts) if listed else None,
            "seeds_added": looks.added(claim.id, claim.part, arms, study.seeds),
        }
    return _complete_claim(row, registry)


def _weakest(parts: Sequence[Judged], verdict: str) -> Judged:
    """The part with the largest p for its line (0.025, equivalence 0.05), of those that refuted the claim."""

    def shortfall(part: Judged) -> float:
        return inf if part.p is None else part.p / decisions.error_rate(part.spec.direction)

    refuting = [part for part in parts if part.verdict == verdict and verdict in REFUTED]
    return max(refuting or parts, key=shortfall)


def _complete_claim(row: Row, registry: ClaimRegistry) -> Row:
    """All columns of `claims`; what the registry says of the claim comes before what the study says."""
    claim = registry.get(row["id"])
    known = {"chapter": claim.chapter, "statement": claim.statement} if claim else {}
    return dict.fromkeys(_CLAIM_COLUMNS) | {"seeds_added": False} | row | known


_CLAIM_COLUMNS = (
    *("id", "part", "chapter", "statement", "kind", "verdict", "study", "metric", "unit", "direction"),
    *("effect", "low", "high", "margin", "n", "p", "ledger_wide_p", "seeds_added", "reason"),
)


def _claim_reason(parts: Sequence[Judged], weakest: Judged, verdict: str) -> str | None:
    if len(parts) == 1:
        return weakest.reason
    title = METRICS[weakest.spec.metric].title
    if verdict == Verdict.INCONCLUSIVE and weakest.verdict != Verdict.INCONCLUSIVE:  # k parts are k chances to err
        return f"one part ({title}) is {weakest.verdict} alone, but not at the level for {len(parts)} parts"
    if weakest.reason is None:
        return None
    return f"part {parts.index(weakest) + 1} of {len(parts)} ({title}): {weakest.reason}"
