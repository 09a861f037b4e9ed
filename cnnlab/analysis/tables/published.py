"""Figures in print beside the runs of the arms that do the same: the table ``published``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from cnnlab.analysis.intervals import prediction
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.analysis.tables.schema import COUNT, NUMBER, TEXT, schema
from cnnlab.planning.published import Printed
from cnnlab.training.records import lost

INSIDE, OUTSIDE, NOT_COMPARABLE, NOT_RUN = "inside", "outside", "not comparable", "not run"
LEAST = 5  # seeds, below which nothing is said of a spread
COLUMNS = {
    "published": schema(
        {
            "network": (TEXT, "as the source calls it"),
            "edition": (TEXT, "of the book, or whose replication it is"),
            "printed": (NUMBER, "test error in print, percent"),
            "source": (TEXT, "where it can be looked up"),
            "protocol": (TEXT, "exact, proxy, or unknown"),
            "differs": (TEXT, "what differs in a proxy"),
            "tier": (TEXT, "at which it is done again"),
            "study": (TEXT, "that does it"),
            "arm": (TEXT, "of that study"),
            "n": (COUNT, "runs of ours that finished"),
            "mean": (NUMBER, "of their test errors, percent"),
            "low": (NUMBER, "of the 95 % prediction interval for one run, percent"),
            "high": (NUMBER, "of the 95 % prediction interval for one run, percent"),
            "values": (TEXT, "JSON, the test errors of our runs, percent"),
            "lost": (COUNT, "runs of ours that diverged or failed to train"),
            "place": (TEXT, "inside or outside that interval, not comparable, or not run"),
        },
        required=("network", "edition", "printed", "source", "protocol", "place"),
        sort=(),
    ),
}


def rows(printed: Iterable[Printed], tiers: Mapping[str, Tables]) -> Iterator[Row]:
    """A row for each figure; `tiers` holds the tables ``arms`` and ``runs`` of those tiers that have been run."""
    for figure in printed:
        row: Row = {"printed": figure.error, "place": NOT_COMPARABLE if figure.protocol == "unknown" else NOT_RUN}
        row |= {name: getattr(figure, name) for name in ("network", "edition", "source", "protocol", "differs")}
        row |= {name: getattr(figure, name) for name in ("tier", "study", "arm")}
        tables = tiers.get(figure.tier)
        arms = tables.rows("arms", study=figure.study, arm=figure.arm) if tables and figure.arm else []
        if tables and arms:
            row |= _ours(tables.rows("runs", arm_id=arms[0]["arm_id"]), figure)
        yield row


def _ours(runs: list[Row], figure: Printed) -> Row:
    kept = [run for run in runs if not lost(run["status"], run.get("failed"))]
    errors = [100 * run["test_error"] for run in kept if run["test_error"] is not None]
    found: Row = {
        "n": len(errors),
        "lost": len(runs) - len(kept),
        "values": json.dumps([round(error, 4) for error in errors]),
    }
    if len(errors) < LEAST:
        return found
    mean, (low, high) = sum(errors) / len(errors), prediction(errors)
    if figure.protocol == "exact":
        found["place"] = INSIDE if low <= figure.error <= high else OUTSIDE
    else:
        found["place"] = NOT_COMPARABLE
    return found | {"mean": mean, "low": low, "high": high}
