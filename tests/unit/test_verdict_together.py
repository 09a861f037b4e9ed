"""A claim of several parts, one of which could not have come out as claimed."""

from __future__ import annotations

import numpy as np
import pytest

from cnnlab.analysis.decisions import Hypothesis, conjunction
from cnnlab.analysis.intervals import Effects
from cnnlab.planning.verdicts import Direction, Verdict

NOISE = np.array([-1, 1] * 5) * np.sqrt(0.9)  # mean 0, sd 1: the 95 % interval reaches 0.715 to either side, 90 % 0.580


def _part(mean: float, room: float = np.inf) -> Hypothesis:
    return Hypothesis(Effects.of(mean + NOISE), Direction.GREATER, margin=1.0, room=room)


@pytest.mark.parametrize(
    ("mean", "rest", "expected"),
    [
        (3, Verdict.SUPPORTED, Verdict.NO_ROOM),
        (1, Verdict.INCONCLUSIVE, Verdict.NO_ROOM),
        (-3, Verdict.CONTRADICTED, Verdict.CONTRADICTED),
        (0, Verdict.EQUIVALENT, Verdict.EQUIVALENT),
    ],
)
@pytest.mark.parametrize("without_room", [_part(0, room=3), _part(2, room=1)], ids=["equivalent", "supported"])
def test_a_part_without_room_leaves_room_for_a_refutation_alone(
    mean: float, rest: Verdict, expected: Verdict, without_room: Hypothesis
) -> None:
    assert conjunction([_part(mean)]) == rest
    assert conjunction([_part(mean), without_room]) == expected
    assert conjunction([without_room]) == Verdict.NO_ROOM


def test_a_part_without_room_still_counts_among_the_chances_to_err() -> None:
    """-1.8 + 0.715 is below -1, but not at the level for two parts, where the interval reaches 0.850."""
    assert conjunction([_part(-1.8)]) == Verdict.CONTRADICTED
    assert conjunction([_part(-1.8), _part(0)]) == Verdict.EQUIVALENT
    assert conjunction([_part(-1.8), _part(0, room=3)]) == Verdict.NO_ROOM
    assert conjunction([_part(-1.9), _part(0, room=3)]) == Verdict.CONTRADICTED
