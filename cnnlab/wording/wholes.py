"""What several studies say of one claim, counted and never averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnnlab.analysis.tables.frames import Row, group
from cnnlab.wording.numbers import listed

# Whether a verdict agrees with the claim.
SIDES = {
    "supported": "agree",
    "contradicted": "disagree",
    "equivalent": "disagree",
    "inconclusive": "open",
    "running": "open",
}
COUNTED = {"agree": ("agrees", "agree"), "disagree": ("disagrees", "disagree"), "open": ("is open", "are open")}


def sentences(rows: Sequence[Row], titles: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """By id and part, for each that more than one study tests: rows of ``claims``, and the titles of the studies."""
    tested = group([row for row in rows if row["study"]], lambda row: (row["id"], row["part"]))
    return {key: sentence(members, titles) for key, members in tested.items() if len(members) > 1}


def sentence(members: Sequence[Row], titles: Mapping[str, str]) -> str:
    """``Of 3 studies, 2 agree with the claim (…: supported; …), none disagrees, and 1 is open (…).``"""
    sides = group(members, lambda row: SIDES.get(row["verdict"], "open"))
    told = [_side(side, sides.get(side, []), titles) for side in COUNTED]
    return f"Of {len(members)} studies, {', '.join(told[:-1])}, and {told[-1]}."


def _side(side: str, rows: Sequence[Row], titles: Mapping[str, str]) -> str:
    one, many = COUNTED[side]
    verb = many if len(rows) > 1 else one
    if not rows:
        return f"none {verb}"
    named = [f"“{titles.get(row['study'], row['study'])}”: {row['verdict']}" for row in rows]
    return f"{len(rows)} {verb}{' with the claim' if side == 'agree' else ''} ({listed(named)})"
