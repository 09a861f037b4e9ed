"""The helper that reads sentences: it has to fail where a number, its sign or the order is another."""

from __future__ import annotations

import pytest

from tests.said import said, unsaid

SENTENCE = "The error is −1.85\N{NO-BREAK SPACE}pp lower with ReLU than with Sigmoid (n = 1,500): supported."


@pytest.mark.parametrize("parts", [(-1.85, "pp", "ReLU", "Sigmoid", 1_500, "supported"), ("ReLU", "supported."), ()])
def test_what_is_said_in_this_order_passes(parts: tuple[object, ...]) -> None:
    said(SENTENCE, *parts)


@pytest.mark.parametrize("parts", [("Sigmoid", "ReLU"), (1.85,), (-1.8,), (500,), ("support",), ("ReLU", "ReLU")])
def test_another_number_sign_word_or_order_fails(parts: tuple[object, ...]) -> None:
    with pytest.raises(AssertionError):
        said(SENTENCE, *parts)


def test_what_is_not_said() -> None:
    unsaid(SENTENCE, "contradicted", 1.85, "support")
    with pytest.raises(AssertionError):
        unsaid(SENTENCE, "contradicted", "supported")
