"""Whether a verdict hangs on its margin, a seed, the learning rate, or on there being many claims: one line from its
table."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.wording.answers import sentence
from cnnlab.wording.numbers import count, listed

RATES = {"rate_lower": "a step lower", "rate_chosen": "as chosen", "rate_higher": "a step higher"}


def line(claim: Row, tables: Tables) -> str:
    """``With half the margin: supported; with twice: inconclusive; …``; empty while the table has nothing of it."""
    rows = tables.rows("robustness", id=claim["id"], part=claim["part"], study=claim["study"])
    return sentence("; ".join(_parts(rows[0]))) if rows else ""


def _parts(row: Row) -> Iterator[str]:
    if row.get("margin_halved"):
        yield f"with half the margin: {row['margin_halved']}"
    if row.get("margin_doubled"):
        yield f"with twice{'' if row.get('margin_halved') else ' the margin'}: {row['margin_doubled']}"
    if row.get("leave_one_out_same") is not None and row.get("n"):
        yield f"leaving any one seed out: the same in {row['leave_one_out_same']} of {row['n']}{_others(row)}"
    verdicts = {rate: row[column] for column, rate in RATES.items() if row.get(column)}
    if verdicts:
        few = f", {row['rate_seeds']} seeds at the fewest" if row["rate_seeds"] < row["n"] else ""
        runs = (
            f"{100 * row['tuning_share']:.0f} % of the epochs, {count(row['validation_images'])} validation images{few}"
        )
        yield f"on tuning runs ({runs}), at learning rates {listed(list(verdicts))}: {listed(list(verdicts.values()))}"
    if row.get("stands_ledger_wide") is not None:
        yield f"ledger-wide: {'stands' if row['stands_ledger_wide'] else 'does not stand'}"


def _others(row: Row) -> str:
    """What the verdict becomes without some seed."""
    counts = json.loads(row.get("leave_one_out") or "{}")
    others = [f"{verdict} in {count}" for verdict, count in counts.items() if verdict != row["verdict"] and count]
    return f" ({listed(others)})" if others else ""
