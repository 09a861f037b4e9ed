"""Sentences by what they must say: numbers, units, names, words, in their order; the words between are free."""

from __future__ import annotations


def said(text: str, *parts: object) -> None:
    """Assert that each of `parts`, as a string, occurs in `text`, one after the other."""
    at = 0
    for part in map(str, parts):
        found = text.find(part, at)
        assert found >= 0, f"{part!r} is not said after {text[:at]!r}, in {text!r}"
        at = found + len(part)
