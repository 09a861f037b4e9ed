"""Figures in print beside ours: where a number of one run falls among many runs of the same recipe."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import accumulate

from cnnlab.analysis.tables.frames import Row, Tables, group
from cnnlab.analysis.tables.published import INSIDE, NOT_RUN, OUTSIDE
from cnnlab.figures import printed_bar
from cnnlab.report.tables.view import Cell, Column, Number, TableView, table
from cnnlab.wording.numbers import count, fixed, listed, plural

PLACES = 1


@dataclass(frozen=True)
class PublishedView:
    summary: str
    commands: list[str]
    table: TableView


def build(tables: Tables) -> PublishedView | None:
    """None where nothing in print is listed."""
    rows = tables.rows("published")
    if not rows:
        return None
    networks = group(rows, lambda row: row["network"])
    limits = {name: _limits(members) for name, members in networks.items()}
    columns: list[Column[Row]] = [
        Column("In print", lambda row: Cell(row["edition"], note=row["source"])),
        Number("Test error, %", lambda row: fixed(row["printed"], PLACES), "As printed; an accuracy as 100 minus it"),
        Number("Ours, %", _ours, "Mean over seeds (95 % prediction interval for one run)", missing=_missing),
        Column("Both", lambda row: _plot(row, limits[row["network"]]), "Ours as ticks, in print as a diamond"),
        Column("The printed number is", _place),
        Number("n", lambda row: None if row["n"] is None else count(row["n"]), "Our seeds", missing=_missing),
    ]
    members = [row for rows in networks.values() for row in rows]
    firsts = accumulate(map(len, networks.values()), initial=0)
    view = table("published-table", "Figures in print, and ours", columns, members)
    heads = [f"{name}{_editions(of_network)}" for name, of_network in networks.items()]
    return PublishedView(
        summary=_summary(rows),
        commands=_commands(rows),
        table=replace(view, groups=dict(zip(firsts, heads, strict=False))),
    )


def _limits(rows: list[Row]) -> tuple[float, float]:
    ends = [row[name] for row in rows for name in ("printed", "low", "high") if row[name] is not None]
    ends += [value for row in rows for value in _values(row)]
    return min(ends), max(ends)


def _values(row: Row) -> list[float]:
    return list(json.loads(row["values"])) if row["values"] else []


def _ours(row: Row) -> Cell | None:
    if row["mean"] is None:
        return None
    interval = f"{fixed(max(row['low'], 0.0), PLACES)} to {fixed(row['high'], PLACES)}"
    lost = f"{plural(row['lost'], 'run')} diverged or failed, beside these" if row["lost"] else ""
    return Cell(f"{fixed(row['mean'], PLACES)} ({interval})", note=lost, warning=bool(lost))


def _missing(row: Row) -> str:
    if row["study"] is None:
        return "no arm of ours does the same"
    return "not run at this tier" if row["n"] is None else f"{plural(row['n'], 'run')}: too few to show a spread"


def _plot(row: Row, limits: tuple[float, float]) -> Cell:
    interval = None if row["low"] is None else (row["low"], row["high"])
    return Cell(plot=printed_bar.bar(row["printed"], _values(row), interval, limits))


def _place(row: Row) -> Cell:
    word = row["place"]
    meaning = {
        INSIDE: "within what one run of this recipe gives",
        OUTSIDE: "beyond what one run of this recipe gives",
        NOT_RUN: "",
    }.get(word, row["differs"] or "its protocol is not known")
    return Cell(word, note=meaning)


def _editions(rows: list[Row]) -> str:
    """How far the printed figures are from each other."""
    printed = [row["printed"] for row in rows]
    return (
        f" · {len(rows)} in print, {fixed(max(printed) - min(printed), PLACES)} points apart" if len(rows) > 1 else ""
    )


def _summary(rows: list[Row]) -> str:
    """``Of 27 figures in print, 3 can be held against runs of the same recipe here: 1 is inside (…), ….``"""
    places = group(rows, lambda row: row["place"])
    compared = [(word, places.get(word, [])) for word in (INSIDE, OUTSIDE)]
    number = sum(len(members) for _, members in compared)
    found = listed(
        [
            f"{len(members)} {'is' if len(members) == 1 else 'are'} {word}"
            f" ({listed([row['network'] + ', ' + row['edition'] for row in members])})"
            for word, members in compared
            if members
        ]
    )
    can = f"{number} can be held against runs of the same recipe here"
    return f"Of {plural(len(rows), 'figure')} in print, {can}{': ' + found if found else ''}."


def _commands(rows: list[Row]) -> list[str]:
    """How to run what has not been."""
    missing = group([row for row in rows if row["n"] is None and row["study"]], lambda row: (row["tier"], row["study"]))
    return [
        f"snakemake --cores 4 --resources gpu=1 --configfile workflow/config/{tier}.yaml --config studies={study}"
        for tier, study in missing
    ]
