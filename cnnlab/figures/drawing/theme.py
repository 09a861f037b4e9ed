"""Colours of the figures and verdicts, by role; the page gives each role another value in the dark.

The series are told apart under simulated colour blindness (a test measures it), and by dash and marker as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cnnlab.planning.verdicts import Verdict

# role: (light, dark). Every light value is unique: in an SVG it stands for its role.
COLOURS: dict[str, tuple[str, str]] = {
    "paper": ("#ffffff", "#15181c"),
    "ink": ("#22272e", "#e3e6ea"),
    "soft": ("#5a636e", "#a3abb5"),
    "line": ("#8c959f", "#6b747e"),
    "grid": ("#e4e7ea", "#2b3138"),
    "band": ("#d5dae0", "#3a424b"),
    "supported": ("#14774a", "#56c78f"),
    "contradicted": ("#b4312a", "#f28b7d"),
    "equivalent": ("#2a64ad", "#83b4f0"),
    "inconclusive": ("#8a6100", "#dcb04e"),
    "running": ("#6250a8", "#b7a8f0"),
    "untested": ("#5b646f", "#a4acb6"),
    "link": ("#1d5c99", "#86bdf2"),
    "series-1": ("#1f6cb0", "#4d95de"),
    "series-2": ("#c8500f", "#f5955a"),
    "series-3": ("#0c8f76", "#3fd0a6"),
    "series-4": ("#6b2687", "#e0b3f2"),
    "series-5": ("#5c4700", "#f0d568"),
    "series-6": ("#3d9fc4", "#b4ecff"),
    "series-7": ("#7b8189", "#8d939c"),
    "series-8": ("#b0245c", "#dd4a82"),
}
TINTED = ("supported", "contradicted", "equivalent", "inconclusive", "running", "untested", "link")
SERIES = tuple(role for role in COLOURS if role.startswith("series-"))
DASHES: tuple[tuple[float, ...] | str, ...] = ("", (5, 1.6), (1.6, 1.3), (7, 1.6, 1.6, 1.6))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


@dataclass(frozen=True)
class Badge:
    """How a verdict is shown: role of its colour, a sign that needs no colour, and the marker of its interval."""

    word: str
    role: str
    sign: str
    marker: str = "o"


BADGES: dict[str, Badge] = {
    badge.word: badge
    for badge in (
        Badge(Verdict.SUPPORTED, "supported", "\N{CHECK MARK}", "o"),
        Badge(Verdict.CONTRADICTED, "contradicted", "\N{MULTIPLICATION SIGN}", "X"),
        Badge(Verdict.EQUIVALENT, "equivalent", "\N{ALMOST EQUAL TO}", "D"),
        Badge(Verdict.INCONCLUSIVE, "inconclusive", "?", "s"),
        Badge(Verdict.NO_ROOM, "untested", "\N{EMPTY SET}", "v"),
        Badge(Verdict.MIXED, "inconclusive", "\N{PLUS-MINUS SIGN}"),
        Badge(Verdict.HOLDS, "supported", "\N{CHECK MARK}"),
        Badge(Verdict.FAILS, "contradicted", "\N{MULTIPLICATION SIGN}"),
        Badge(Verdict.RUNNING, "running", "\N{HORIZONTAL ELLIPSIS}"),
        Badge(Verdict.NOT_TESTED, "untested", "\N{MIDDLE DOT}"),
    )
}


def light(role: str) -> str:
    return COLOURS[role][0]


def series(index: int) -> str:
    """Light colour of the arm at `index`."""
    return light(SERIES[index % len(SERIES)])


def linestyle(index: int, dash: int | None = None) -> Any:
    """Dashes of the arm at `index`, which with its colour no other of 32 arms has; or those numbered `dash`."""
    chosen = DASHES[(index + index // len(SERIES) if dash is None else dash) % len(DASHES)]
    return (0, chosen) if chosen else "-"


def marker(index: int) -> str:
    """Marker of the arm at `index`, which with its colour no other of 64 arms has."""
    return MARKERS[(index + index // len(SERIES)) % len(MARKERS)]


def variables(shade: int) -> str:
    """The CSS declarations of the light (0) or dark (1) values, and of a tint of each for backgrounds."""
    tints = {f"{role}-tint": (tint(role, 0), tint(role, 1)) for role in TINTED}
    return " ".join(f"--{role}: {shades[shade]};" for role, shades in (COLOURS | tints).items())


def tint(role: str, shade: int) -> str:
    """The colour mixed into the paper."""
    share = (0.11, 0.17)[shade]
    pairs = zip(_channels(COLOURS[role][shade]), _channels(COLOURS["paper"][shade]), strict=True)
    return "#" + "".join(f"{round(share * colour + (1 - share) * paper):02x}" for colour, paper in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return red, green, blue
