"""Which networks no other beats: the Pareto front of cost and error."""

from __future__ import annotations

from collections.abc import Sequence


def front(costs: Sequence[float | None], errors: Sequence[float | None]) -> list[bool]:
    """Whether each point is on the front: no other has a lower cost or error and the other of the two no higher.

    Points that are equal in both stand or fall together; one without a cost or an error is never on the front.
    """
    points = list(zip(costs, errors, strict=True))
    return [None not in point and not any(_beats(other, point) for other in points) for point in points]


def _beats(one: tuple[float | None, float | None], other: tuple[float | None, float | None]) -> bool:
    """Whether it is no worse in both, and not the same."""
    (cost, error), (than_cost, than_error) = one, other
    if cost is None or error is None or than_cost is None or than_error is None:
        return False
    return cost <= than_cost and error <= than_error and one != other
