"""Verdicts as a terminal shows them: a line for each claim as it falls, and all of them at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from cnnlab.analysis.tables.frames import Row
from cnnlab.planning.verdicts import COMPUTED, WHOLE, Verdict
from cnnlab.wording.claims import claim_name
from cnnlab.wording.contrasts import unit
from cnnlab.wording.numbers import Quantity
from cnnlab.wording.verdicts import counted

UNTESTED = (Verdict.RUNNING, Verdict.NOT_TESTED)


def claim_line(row: Row, names: int = 0) -> str:
    """``C26  supported  −3.1 (−3.5 to −2.7) pp, n = 8``, from a row of ``claims``; the first two in columns."""
    effect = Quantity.of(row, "effect")
    numbers = f"{effect.text} {unit(row['unit'])}, n = {row['n']}" if effect.known else row["reason"] or ""
    return f"{claim_name(row):{names}}  {row['verdict']:12}  {numbers}".rstrip()


def claim_lines(rows: Iterable[Row]) -> list[str]:
    """A line for each row."""
    chosen = list(rows)
    names = max((len(claim_name(row)) for row in chosen), default=0)
    return [claim_line(row, names) for row in chosen]


def summary(rows: Sequence[Row]) -> list[str]:
    """What training decided, claim by claim; then how many claims computed from the networks hold, and which fail."""
    trained = [row for row in rows if row["kind"] == "empirical" or row["verdict"] == Verdict.MIXED]
    trained = [row for row in trained if row["verdict"] not in UNTESTED]
    computed = [row for row in rows if row["verdict"] in COMPUTED and row["kind"] != WHOLE]
    count = Counter(row["verdict"] for row in computed)
    failing = ", ".join(claim_name(row) for row in computed if row["verdict"] == Verdict.FAILS)
    lines = claim_lines(trained)
    if computed:
        numbers = ", ".join(counted(verdict, number) for verdict, number in count.items())
        lines.append(f"computed, not trained: {numbers}{f' ({failing})' if failing else ''}")
    return lines
