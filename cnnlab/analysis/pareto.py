"""Which networks no other beats: the Pareto front of cost and error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def front(costs: Sequence[float | None], errors: Sequence[float | None]) -> list[bool]:
    """Whether each point is on the front: no other has a lower cost or error and the other of the two no higher.

    Points that are equal in both stand or fall together; one without a cost or an error is never on the front.
    """
    cost, error = (np.array(values, dtype=float) for values in (costs, errors))
    # Whether one point (row) is no worse than another (column) in both; not even than itself where a value is missing.
    no_worse = (cost[:, None] <= cost) & (error[:, None] <= error)
    beaten = (no_worse & ~no_worse.T).any(axis=0)
    return [bool(on_front) for on_front in no_worse.diagonal() & ~beaten]
