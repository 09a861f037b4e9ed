"""Runs that finish at guessing: one arm fails to train in some of its runs, the other never; the rest are equal.

What such a run counts as is asked of the rules. They promise their error rates of the *median* pair, and of it alone: a
study that sees no failure takes the runs that trained for all there are. `table` shows how often it then says that the
arms are equal, or the first not worse.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np

from cnnlab.analysis import decisions, effects
from cnnlab.analysis.decisions import Hypothesis
from cnnlab.analysis.reasons import most_unseen
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.verdicts import Direction, Verdict
from tests import fakes
from tests.calibration.lost import diverging
from tests.calibration.rates import STUDIES, Draw, Rate, Rng, Scenario
from tests.calibration.seeds import PAIR

SEEDS, SHARES = (8, 10), (0.05, 0.1, 0.2)
MARGIN, WORSE = 3.0, 90.0  # percentage points: of the claim, and by how much a run that guesses is worse
DEAD = fakes.record(
    result={"status": "finished", "steps": 100, "train_loss": float(np.log(10)), "train_error": 0.9, "test_error": 0.9},
    test={"label": np.arange(10)},
)


def failing(rng: Rng, n: int, truth: float, share: float) -> Draw:
    """The median effect is `truth`; `share` of the runs of the first arm fail."""
    drawn = diverging(rng, n, truth, PAIR, share)
    low, high = effects.bounds(DEAD, METRICS["test_error"])
    failed = np.isinf(drawn.low)
    return Draw(np.where(failed, low, drawn.low), np.where(failed, high, drawn.high), at_risk=True)


def scenarios() -> Iterator[Scenario]:
    for n, share in product(SEEDS, SHARES):
        yield Scenario(f"pair, one arm fails in {share:.0%}", n, partial(failing, share=share), margin=MARGIN)


def said(n: int, share: float) -> dict[str, Rate]:
    """How often the arms are said to be equal, or the first not worse, by studies that see no failure and by others."""
    effect = Scenario(f"{share:.0%} fail, the rest are equal", n, partial(failing, share=share)).effects(0)
    claims = {
        "*equivalent*": decisions.verdict(Hypothesis(effect, Direction.GREATER, MARGIN)) == Verdict.EQUIVALENT,
        "*not worse*": decisions.verdict(Hypothesis(effect, Direction.NOT_GREATER, MARGIN)) == Verdict.SUPPORTED,
    }
    found = {f"{word}, none seen": claimed & effect.known for word, claimed in claims.items()}
    found |= {f"{word}, one seen": claimed & ~effect.known for word, claimed in claims.items()}
    return {
        what: Rate("failing", n, f"{share:.0%}", what, "", int(each.sum()), STUDIES) for what, each in found.items()
    }


def table() -> str:
    """As in docs/statistics.md: percent of the studies, with binomial standard errors."""
    rows = [(n, share, said(n, share)) for n in SEEDS for share in (*SHARES, most_unseen(n))]
    heads = ["seeds", "fail", "mean effect", *rows[0][2]]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for n, share, found in rows:
        cells = [f"{100 * rate.rate:.1f} ± {100 * rate.error:.1f}" for rate in found.values()]
        lines.append(f"| {n} | {100 * share:.0f} % | {WORSE * share:.1f} pp | {' | '.join(cells)} |")
    return "\n".join(lines)
