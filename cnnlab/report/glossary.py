"""What the columns of the tables mean, once for each kind of table: what a head's tooltip says, for keyboard, touch and
print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cnnlab.report.tables.view import TableView

NAMED = 3  # heads; of more that mean the same the first ones stand for all
# Where the id of a table does not name its kind for a reader.
TITLES = {
    "cells": "Cells of a matrix",
    "classes": "Accuracy by class",
    "data": "Prepared data sets",
    "measures": "What else was measured",
    "presets": "Presets of a network",
    "published": "In print",
    "settings": "Training settings",
    "throughput": "Speed of the training loop",
    "untested": "Not tested yet",
}


@dataclass
class Glossary:
    """Collects what the tables that are shown explain: by kind, meanings with the heads that bear them."""

    kinds: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def of(self, view: TableView) -> str:
        """The place that explains the columns of the table; none where no column has an explanation."""
        kind = view.id.partition("-")[0]
        explained = [column for column in view.columns if column.hint]
        for column in explained:
            heads = self.kinds.setdefault(kind, {}).setdefault(column.meaning or column.hint, [])
            if column.title not in heads:
                heads.append(column.title)
        return f"columns-{kind}" if explained else ""

    @property
    def entries(self) -> Mapping[str, tuple[str, Mapping[str, str]]]:
        """By place: the kind of table, and each head, or those that share it, with its meaning."""
        return {
            f"columns-{kind}": (
                TITLES.get(kind, kind.capitalize()),
                {_named(heads): meaning for meaning, heads in meanings.items()},
            )
            for kind, meanings in self.kinds.items()
        }


def _named(heads: Sequence[str]) -> str:
    rest = len(heads) - NAMED
    return "; ".join(heads[:NAMED]) + (f"; and {rest} more" if rest > 0 else "")
