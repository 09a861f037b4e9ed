"""Why a verdict is open, and what would settle it, in a line for a person."""

from __future__ import annotations

from cnnlab.analysis.decisions import Hypothesis
from cnnlab.analysis.effects import Observed
from cnnlab.analysis.intervals import Effects, decidable
from cnnlab.analysis.power import POWER, SampleSize
from cnnlab.planning.metrics import LEAST_SEEDS
from cnnlab.planning.verdicts import DIRECTED, Verdict

SURE = 0.05  # were more runs to fail, one at least of those seen would have, with a chance of 95 %
NEED_NOT_BE_NEGLIGIBLE = ", more than a quarter of it, so that an effect within the margin need not be negligible"


def reason(observed: Observed, claim: Hypothesis, verdict: str, unit: str, needed: SampleSize) -> str | None:
    """The line for one contrast; None where the verdict needs none."""
    if verdict == Verdict.NO_ROOM:
        part = NEED_NOT_BE_NEGLIGIBLE if claim.room > claim.margin else ""
        return f"there is room for {claim.room:.2g} {unit} at most, and the margin is {claim.margin:g} {unit}{part}"
    if verdict in (Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.EQUIVALENT):
        no_worse = verdict == Verdict.EQUIVALENT or (verdict == Verdict.SUPPORTED and claim.direction not in DIRECTED)
        return _failures(observed, claim.effects) if no_worse and observed.can_fail else None
    if not decidable(claim.effects):
        return _too_few(observed, claim.effects.n)
    return f"{_unfinished(observed)}{_would_settle(needed, bool(claim.effects.known))}"


def most_unseen(n: int) -> float:
    """The largest share of runs that fail of which none may be seen in `n` (Clopper & Pearson 1934, of 0 in n)."""
    return float(1 - SURE ** (1 / n))


def _failures(observed: Observed, effects: Effects) -> str | None:
    """What a verdict of no difference leaves open: the failures that were seen, or those that could not be."""
    if effects.known:
        return f"that no run failed leaves open that one in {1 / most_unseen(effects.n):.0f} would, in either arm"
    return f"{_unfinished(observed)}the verdict is of the median pair"


def _too_few(observed: Observed, n: int) -> str:
    seeds, by = f"{n} seed{'s' if n > 1 else ''}", "" if observed.effects.known else " by a sign test"
    return f"{_unfinished(observed)}{seeds} cannot decide{by}; {LEAST_SEEDS} at least"


def _unfinished(observed: Observed) -> str:
    """What took the contrast from t to a sign test: ``3 runs diverged, 1 never reached the target; ``."""
    if observed.effects.known:
        return ""
    counts = {
        "diverged": observed.diverged,
        "failed to train": observed.failed,
        "never reached the target": observed.censored,
        "hit the time limit": observed.timed_out,
    }
    counted = [f"{n} {'run' if n == 1 else 'runs'} {what}" for what, n in counts.items() if n]
    return f"{', '.join(counted) or 'a value is missing or infinite'}; "


def _would_settle(needed: SampleSize, known: bool) -> str:
    would = f"would settle it (chance {100 * POWER:.0f} % if the effect is as estimated)"
    if needed.seeds and needed.images:
        return f"about {needed.seeds} seeds and {needed.images:,} test images together {would}"
    if needed.seeds:
        return f"about {needed.seeds} seeds {would}"
    if needed.images:
        return f"about {needed.images:,} test images {would}; more seeds alone would not"
    if known:
        return "the effect is too near the margin for any feasible number of seeds"
    return "more seeds like these would not settle it"
