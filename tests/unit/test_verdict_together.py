"""A claim of several parts, one of which could not have come out as claimed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cnnlab.analysis import decisions, verdicts
from cnnlab.planning.verdicts import Verdict


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (Verdict.SUPPORTED, Verdict.NO_ROOM),
        (Verdict.INCONCLUSIVE, Verdict.NO_ROOM),
        (Verdict.CONTRADICTED, Verdict.CONTRADICTED),
    ],
)
def test_a_part_without_room_leaves_room_for_a_refutation_alone(
    monkeypatch: pytest.MonkeyPatch, rest: Verdict, expected: Verdict
) -> None:
    monkeypatch.setattr(decisions, "conjunction", lambda claims: rest)
    parts: list[Any] = [SimpleNamespace(claim="some", verdict=verdict) for verdict in (rest, Verdict.NO_ROOM)]
    assert verdicts.together(parts) == expected
    assert verdicts.together(parts[:1]) == rest
    assert verdicts.together(parts[1:]) == Verdict.NO_ROOM
