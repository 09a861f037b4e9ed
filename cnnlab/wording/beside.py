"""What other studies, tiers and families say of the same claims: beside the verdict, counted, never averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnnlab.analysis import decisions, intervals
from cnnlab.analysis.tables.frames import Row, Tables, group, weights
from cnnlab.planning.verdicts import UNDECIDED, Direction, Verdict
from cnnlab.wording.claims import claim_name
from cnnlab.wording.contrasts import metric, title, unit, with_unit
from cnnlab.wording.matrix_cells import did_not_train
from cnnlab.wording.numbers import Quantity, bounds, count, listed, plain, plural, times
from cnnlab.wording.verdicts import DIRECTIONS, OPEN, SIDES, VERDICTS, Side


def _by_side(rows: Sequence[Row]) -> dict[Side, list[Row]]:
    """The rows of ``claims`` on each side of their claim, in the order of `SIDES`."""
    sides = group(rows, lambda row: VERDICTS[row["verdict"]].side if row["verdict"] in VERDICTS else OPEN)
    return {side: sides.get(side, []) for side in SIDES}


def across_studies(rows: Sequence[Row], titles: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """``Of 3 studies, 2 agree with the claim (…), none disagrees, and 1 is open (…).``, by id and part of the claim.

    Args:
        rows: of ``claims``; a part that only one study tests is left out.
        titles: of the studies, by name.
    """
    tested = group([row for row in rows if row["study"]], lambda row: (row["id"], row["part"]))
    return {key: _of_studies(members, titles) for key, members in tested.items() if len(members) > 1}


def _of_studies(rows: Sequence[Row], titles: Mapping[str, str]) -> str:
    texts = []
    for side, members in _by_side(rows).items():
        named = listed([f"“{titles.get(row['study'], row['study'])}”: {row['verdict']}" for row in members])
        verb = side.agree if len(members) > 1 else side.agrees
        texts.append(f"{len(members)} {verb}{side.claim} ({named})" if members else f"none {verb}")
    return f"Of {len(rows)} studies, {', '.join(texts[:-1])}, and {texts[-1]}."


def line(claim: Row, tables: Tables) -> str:
    """``At the full tier: equivalent, 0.02 (0.01 to 0.03) nats, n = 8.``; empty where no other tier tested it."""
    return " ".join(f"At the {row['tier']} tier: {result(row)}." for row in _at_other_tiers(claim, tables))


def result(row: Row) -> str:
    """Verdict, weakest effect with its interval, and n of a row of ``claims``."""
    number = Quantity.of(row, "effect")
    effect = number.text if number.value else number.interval or ""
    if effect:
        effect += f" {unit(row['unit'])}"
    if row["unit"] == "log2 ratio" and number.value:
        effect += f", {times(row['effect'])}"
    return ", ".join(part for part in (row["verdict"], effect, f"n = {count(row['n'])}") if part)


def _at_other_tiers(claim: Row, tables: Tables) -> list[Row]:
    """The decided rows of other tiers for the same part of the claim, in the same study."""
    if claim["kind"] != "empirical" or claim["verdict"] in UNDECIDED:
        return []
    same = {key: claim[key] for key in ("id", "part", "study")}
    return [row for row in tables.rows("tiers", **same) if row["verdict"] not in UNDECIDED]


def summary(tables: Tables) -> list[str]:
    """``The full tier tested 9 parts of these claims too: 8 with the same verdict, …``, a sentence for each tier."""
    pairs = [other | {"here": claim} for claim in tables.rows("claims") for other in _at_other_tiers(claim, tables)]
    return [_of_tier(tier, rows) for tier, rows in group(pairs, lambda row: row["tier"]).items()]


def _of_tier(tier: str, rows: Sequence[Row]) -> str:
    """The sentence about one other tier, from its rows of ``claims``; ``here`` is the row of this tier."""
    named = [
        f"{claim_name(row)} ({row['here']['verdict']} here, {row['verdict']} there)"
        for row in rows
        if row["verdict"] != row["here"]["verdict"]
    ]
    here, there = _by_side([row["here"] for row in rows]), _by_side(rows)
    sides = listed([f"{len(there[side])} {side.phrase} ({len(here[side])} here)" for side in SIDES])
    others = f", {len(named)} with another: {listed(named)}" if named else ""
    parts = plural(len(rows), "part")
    same = f"{len(rows) - len(named)} with the same verdict{others}"
    return f"The {tier} tier tested {parts} of these claims too: {same}. There, {sides}."


def across_families(parts: Sequence[Row], tables: Tables, families: Mapping[tuple[str, str], str]) -> list[str]:
    """One sentence for each metric that the claim and the cells of a matrix share.

    Args:
        parts: the primary rows of ``contrasts`` of one claim.
        families: the label of each family, by study and family.
    """
    pairs = {part["metric"]: part for part in reversed(parts) if len(weights(part)) == 2}
    texts = []
    for name, part in reversed(pairs.items()):
        cells = [row for row in tables.rows("contrasts", extension=part["claim"], metric=name) if row["switch"]]
        if cells:
            epochs = f"{_epochs(cells, tables)} epochs, and {_epochs([part], tables)} for the claim"
            counted = [cell for cell in cells if metric(name).initial or not did_not_train(cell, tables)]
            texts.append(_of_families(part, cells, counted, families, epochs))
    return texts


def _epochs(contrasts: Sequence[Row], tables: Tables) -> str:
    """For how many epochs the arms of these contrasts are trained: ``4 or 12``."""
    arms = {(row["study"], arm) for row in contrasts for arm in weights(row)}
    epochs = {row["epochs"] for row in tables.rows("arms") if (row["study"], row["arm"]) in arms}
    return " or ".join(map(str, sorted(epochs)))


def _of_families(
    part: Row, cells: Sequence[Row], counted: Sequence[Row], families: Mapping[tuple[str, str], str], epochs: str
) -> str:
    def named(members: Sequence[Row]) -> str:
        labels = [families.get((cell["study"], cell["family"]), cell["family"]) for cell in members]
        return f"{len(members)} ({listed(labels)})" if len(counted) > 1 else listed(labels)

    by_verdict = group(counted, lambda cell: standing(part["direction"], part["margin"], cell))
    places = DIRECTIONS[part["direction"]].places.items()
    texts = [f"{place.counted} in {named(by_verdict[verdict])}" for verdict, place in places if verdict in by_verdict]
    rest = [cell for cell in cells if cell not in counted]
    untrained = [f"not counted {named(rest)}, where an arm did not train"] if rest else []
    number = plural(len(counted), "family", "families") if counted else "no family that trained in both arms"
    about = f"{title(part['metric'])}, margin {with_unit(plain(part['margin']), part['unit'])}; {epochs}"
    told = "; ".join([", ".join(texts), *untrained] if texts else untrained)
    return f"The same comparison in {number} ({about}): {told}."


def standing(direction: Direction, margin: float, cell: Row) -> str:
    """The verdict that the interval of a cell would give on the claim; running while its seeds are."""
    if cell["n"] != cell["n_planned"]:
        return Verdict.RUNNING
    if cell["n"] < (intervals.LEAST_SIGNS if cell["method"] == "sign" else intervals.LEAST_SEEDS):
        return Verdict.INCONCLUSIVE
    return str(decisions.decide(direction, margin, bounds(cell), bounds(cell, "low90", "high90")))
