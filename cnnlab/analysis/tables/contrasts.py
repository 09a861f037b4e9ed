"""Tables of contrasts and claims: what was observed of each, and the verdict on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.analysis import decisions, intervals
from cnnlab.analysis.interim import InterimLooks
from cnnlab.analysis.tables.frames import Row
from cnnlab.analysis.tables.schema import CLAIM, COUNT, FLAG, NUMBER, TEXT, schema
from cnnlab.analysis.verdicts import Judged, JudgedClaim, judge, judge_claim
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.verdicts import AGAINST, FOR, REFUTED, UNDECIDED, WHOLE, Verdict
from cnnlab.training.records import Records

if TYPE_CHECKING:
    from cnnlab.planning.studies.claims import Claim, ClaimRegistry
    from cnnlab.planning.studies.study import Study
    from cnnlab.planning.studies.study_file import ClaimSpec

CONTRAST = {
    "study": (TEXT, "name of the study"),
    "claim": (TEXT, "id of the claim that it is primary for"),
    "part": (TEXT, "part of the claim"),
    "index": (COUNT, "place within the claim"),
    "primary": (FLAG, "decides a claim; a secondary one gives no verdict"),
    "extension": (TEXT, "id of the claim beside which it is shown"),
    "metric": (TEXT, "what is compared"),
    "unit": (TEXT, "of estimate, interval and margin"),
    "contrast": (TEXT, "JSON, weight of each arm"),
    "direction": (TEXT, "what is claimed of the effect"),
    "margin": (NUMBER, "smallest effect that counts"),
    "label": (TEXT, "as shown"),
    "family": (TEXT, "row of the study's matrix; missing but for its cells"),
    "switch": (TEXT, "column of the study's matrix; missing but for its cells"),
    "n": (COUNT, "seeds"),
    "n_planned": (COUNT, "seeds that the study asks for"),
    "estimate": (NUMBER, "mean over seeds; median for a sign test"),
    "low": (NUMBER, "of the 95 % interval"),
    "high": (NUMBER, "of the 95 % interval"),
    "low90": (NUMBER, "of the 90 % interval, for equivalence"),
    "high90": (NUMBER, "of the 90 % interval, for equivalence"),
    "sd_seed": (NUMBER, "of the paired differences over seeds"),
    "sd_image": (NUMBER, "of the seed-mean paired differences over test images"),
    "n_images": (COUNT, "test images"),
    "correlation": (NUMBER, "between two arms over seeds"),
    "method": (TEXT, "t, satterthwaite, or sign"),
    "diverged": (COUNT, "runs that diverged"),
    "failed": (COUNT, "runs that ended as they began, at the training loss of guessing, and count as diverged ones do"),
    "censored": (COUNT, "runs that never reached the target"),
    "p": (NUMBER, "of what is claimed"),
    "verdict": (TEXT, "supported, contradicted, equivalent, inconclusive, or no room"),
    "settle_seeds": (
        COUNT,
        "seeds of a study that would settle it with a chance of 80 %, were the effect as estimated",
    ),
    "settle_images": (COUNT, "test images that would, likewise"),
    "reason": (TEXT, "why it is open"),
}
CONTRAST_KEYS = ("study", "primary", "metric", "unit", "contrast")
COLUMNS = {
    "contrasts": schema(CONTRAST, required=CONTRAST_KEYS, sort=()),
    "measured/contrasts": schema(CONTRAST, required=CONTRAST_KEYS, sort=()),
    "claims": schema(
        {
            **CLAIM,
            "chapter": (TEXT, "of the notes"),
            "statement": (TEXT, "what is claimed"),
            "kind": (TEXT, "exact, structural, or empirical; whole for a claim above its parts"),
            "verdict": (TEXT, "or running, or not tested; mixed of a whole"),
            "study": (TEXT, "that tests it"),
            "metric": (TEXT, "of the weakest primary contrast, as the columns that follow"),
            "unit": (TEXT, "of effect, interval and margin"),
            "direction": (TEXT, "what is claimed of the effect"),
            "effect": (NUMBER, "mean over seeds"),
            "low": (NUMBER, "of the 95 % interval"),
            "high": (NUMBER, "of the 95 % interval"),
            "margin": (NUMBER, "smallest effect that counts"),
            "n": (COUNT, "seeds"),
            "p": (NUMBER, "of what is claimed"),
            "ledger_wide_p": (NUMBER, "min(1, K p) over the K empirical parts of the registry"),
            "beyond_doubt": (FLAG, "the verdict is the same at error rates divided by the parts of the claim"),
            "seeds_added": (FLAG, "seeds were added after a first look"),
            "outdated": (FLAG, "the file or the code of its study has changed since"),
            "reason": (TEXT, "why it is open"),
        },
        required=("id", "part", "kind", "verdict"),
        sort=(),
    ),
}

NUMBERS = [field.name for field in fields(intervals.Summary)]


def judge_studies(
    studies: Sequence[Study],
    registry: ClaimRegistry,
    runs: Records,
    looks: Callable[[str], Path] | None,
) -> tuple[list[Row], list[Row]]:
    """The rows of `contrasts` and of `claims` that `studies` give, from `runs` (by arm id and seed).

    `looks` gives the file that remembers with which seeds each verdict of a study was first computed; None neither
    reads nor writes. Contrasts of measured times differ from run to run and are left to `measured_contrasts`.
    """
    contrasts: list[Row] = []
    claims: list[Row] = []
    for study in _by_name(studies):
        memory = InterimLooks.read(looks(study.name) if looks else None)
        for claim in study.claims:
            judged = judge_claim(claim, study, runs)
            contrasts += [_contrast_row(study, part, index, claim) for index, part in enumerate(judged.parts)]
            claims.append(_claim_row(study, claim, judged, registry, memory))
        memory.write()
        contrasts += _secondary_rows(study, runs, measured=False)
    return contrasts, claims


def measured_contrasts(studies: Sequence[Study], runs: Records) -> list[Row]:
    """Rows as of `contrasts`, for the secondary contrasts whose metric is measured by a clock."""
    return [row for study in _by_name(studies) for row in _secondary_rows(study, runs, measured=True)]


def _by_name(studies: Sequence[Study]) -> list[Study]:
    return sorted(studies, key=lambda study: study.name)


def ledger(
    registry: ClaimRegistry, tested: Iterable[Mapping[Any, Any]], computed: Iterable[Mapping[Any, Any]] = ()
) -> list[Row]:
    """The rows of `claims`: every part of every registered claim, tested or not; then the studies' own claims.

    `tested` are those rows that studies give; `computed` the rows of the table ``exact``: claims that need no training.
    """
    exact = {(row["id"], row["part"]): row for row in computed}
    by_part: dict[tuple[str, str], list[Row]] = {}
    for row in tested:
        by_part.setdefault((row["id"], row["part"]), []).append(dict(row))
    return list(_ledger(registry, by_part, exact))


def _secondary_rows(study: Study, runs: Records, measured: bool) -> list[Row]:
    return [
        _contrast_row(study, judge(contrast, study, runs, primary=False), index)
        for index, contrast in enumerate(study.secondary)
        if METRICS[contrast.metric].measured == measured
    ]


def _contrast_row(study: Study, part: Judged, index: int, claim: ClaimSpec | None = None) -> Row:
    spec, observed = part.spec, part.observed
    numbers = asdict(intervals.summarize(observed.effects)) if observed else dict.fromkeys(NUMBERS)
    family, switch = spec.cell
    return {
        "study": study.name,
        "claim": claim.id if claim else None,
        "part": claim.part if claim else None,
        "index": index,
        "primary": claim is not None,
        **{name: getattr(spec, name) for name in ("extension", "metric", "direction", "margin", "label")},
        "unit": METRICS[spec.metric].unit,
        "contrast": json.dumps(spec.contrast, ensure_ascii=False),
        "family": family,
        "switch": switch,
        **numbers,
        "n": part.finished,
        "n_planned": part.planned,
        **{name: getattr(observed, name, None) for name in ("correlation", "diverged", "failed", "censored")},
        "p": part.p,
        "verdict": part.verdict,
        "settle_seeds": part.needed.seeds,
        "settle_images": part.needed.images,
        "reason": part.reason if observed else part.progress,
    }


def _claim_row(
    study: Study, claim: ClaimSpec, judged: JudgedClaim, registry: ClaimRegistry, looks: InterimLooks
) -> Row:
    """One claim in one study, with the numbers of its weakest part."""
    weakest = judged.weakest
    row: Row = {
        "id": claim.id,
        "part": claim.part,
        "statement": claim.statement or study.question,
        "chapter": study.source.chapter,
        "kind": "empirical",
        "verdict": judged.verdict,
        "study": study.name,
        **{name: getattr(weakest.spec, name) for name in ("metric", "direction", "margin")},
        "unit": METRICS[weakest.spec.metric].unit,
        "n": weakest.finished,
        "reason": judged.reason,
    }
    if weakest.observed is not None:
        numbers = intervals.summarize(weakest.observed.effects)
        listed = registry.get(claim.id)
        tested = [part.claim for part in judged.parts if part.claim]
        arms = {study.arms[name].spec.arm_id for part in judged.parts for name in part.spec.contrast}
        row |= {
            "effect": numbers.estimate,
            "low": numbers.low,
            "high": numbers.high,
            "p": weakest.p,
            "ledger_wide_p": decisions.ledger_wide_p(weakest.p, registry.empirical_parts) if listed else None,
            "beyond_doubt": decisions.stands(tested, len(listed.parts) if listed else 1),
            "seeds_added": looks.added(claim.id, claim.part, arms, study.seeds),
        }
    return _complete(row, registry)


def _ledger(
    registry: ClaimRegistry,
    tested: dict[tuple[str, str], list[Row]],
    exact: Mapping[tuple[str, str], Mapping[Any, Any]],
) -> Iterator[Row]:
    for claim in registry.claims:
        parts: list[Row] = []
        for part, kind in claim.parts.items():
            row = {"id": claim.id, "part": part, "kind": kind, "verdict": Verdict.NOT_TESTED}
            if (computed := exact.get((claim.id, part))) is not None:
                row |= {"verdict": Verdict.HOLDS if computed["holds"] else Verdict.FAILS, "reason": computed["summary"]}
            parts += tested.pop((claim.id, part), [_complete(row, registry)])
        if len(claim.parts) > 1:
            yield _complete(_whole(claim, parts), registry)
        yield from parts
    for rows in tested.values():
        yield from rows


def _whole(claim: Claim, parts: Sequence[Row]) -> Row:
    """The row of a claim above those of its parts: what all of them say, or *mixed* where they differ beyond doubt."""
    verdicts = [row["verdict"] for row in parts]
    beyond = [row["verdict"] for row in parts if row["kind"] != "empirical" or row["beyond_doubt"]]
    if missing := [verdict for verdict in UNDECIDED if verdict in verdicts]:
        verdict = missing[0]
    elif any(verdict in FOR for verdict in beyond) and any(verdict in AGAINST for verdict in beyond):
        verdict = Verdict.MIXED
    elif all(verdict in FOR for verdict in verdicts) or all(verdict in AGAINST for verdict in verdicts):
        verdict = next((word for word in (*REFUTED, Verdict.SUPPORTED) if word in verdicts), verdicts[0])
    else:
        verdict = verdicts[0] if len(set(verdicts)) == 1 else Verdict.INCONCLUSIVE
    by_verdict = {word: [row["part"] for row in parts if row["verdict"] == word] for word in dict.fromkeys(verdicts)}
    reason = "; ".join(f"{', '.join(dict.fromkeys(names))}: {word}" for word, names in by_verdict.items())
    return {"id": claim.id, "part": WHOLE, "kind": WHOLE, "verdict": verdict, "reason": reason.replace("_", " ")}


def _complete(row: Row, registry: ClaimRegistry) -> Row:
    """All columns of `claims`; what the registry says of the claim comes before what the study says."""
    claim = registry.get(row["id"])
    registered = {"chapter": claim.chapter, "statement": claim.statement} if claim else {}
    return dict.fromkeys(COLUMNS["claims"].columns) | {"seeds_added": False, "outdated": False} | row | registered
