"""What a text says, whatever its words: numbers, units, names and verdicts, in their order."""

from __future__ import annotations

import re


def said(text: object, *parts: object) -> None:
    """Assert that `parts` occur in `text` as whole words or numbers, one after the other; a number has its sign."""
    rest = " ".join(str(text).split())
    for part in parts:
        found = re.search(_pattern(part), rest)
        assert found, f"“{part}” is not said, or not in its place: “{text}”"
        rest = rest[found.end() :]


def unsaid(text: object, *parts: object) -> None:
    """Assert that none of `parts` occurs in `text`, as a whole word or number."""
    for part in parts:
        assert not re.search(_pattern(part), " ".join(str(text).split())), f"“{part}” is said: “{text}”"


def _pattern(part: object) -> str:
    written = part if isinstance(part, str) else f"{part:,}".replace("-", "\N{MINUS SIGN}")
    before = r"(?<![\w.,−])" if re.match(r"[\w−]", written) else ""
    after = r"(?!\w|[.,]\d)" if re.search(r"\w$", written) else ""
    return f"{before}{re.escape(written)}{after}"
