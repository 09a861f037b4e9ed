"""What the report is made of, for planning: imports nothing."""

from __future__ import annotations

from collections.abc import Iterable

# Of a study that is about training itself, in the order in which the report shows them.
FIGURES = ("curves", "differences", "errors")
# All that a study may name. `profiles` is what its diagnostics saw along depth, steps or shifts, `sweep` a metric
# against the number that varies, `matrix` the effects of switches in families, `frontier` accuracy against cost,
# `filters` those of the first layer and what they see, `confusion` which classes are taken for which.
ALL_FIGURES = ("profiles", "filters", "sweep", *FIGURES, "matrix", "frontier", "confusion")
# The folder of the pictures of networks, beside those of the studies' figures.
NETWORKS = "networks"


def pictured(presets: Iterable[str]) -> tuple[str, ...]:
    """Of an architecture's presets, those whose picture and layers its card shows: the one that is trained, and the
    notes' own size or the paper's."""
    known = list(presets)
    trained = "small" if "small" in known else known[0]
    full = next((name for name in ("d2l", "paper") if name in known), trained)
    return tuple(dict.fromkeys((trained, full)))
