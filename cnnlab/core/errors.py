"""The one exception that is shown to a person as a single line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake that the person at the keyboard can fix: ``<where>: <what is wrong>; <what to do>``."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Say which names are valid, the most similar one first: ``did you mean 'relu'? valid: …``."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    listed = f"valid: {', '.join(names)}"
    return f"did you mean '{close[0]}'? {listed}" if close else listed
