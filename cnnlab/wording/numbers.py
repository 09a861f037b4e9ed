"""Numbers as people read them: as many digits as the interval warrants, a real minus sign, no nan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import floor, inf, isinf, isnan, log10
from typing import Any

from cnnlab.planning.specs import seeds_slug

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
DIVIDED = "\N{DIVISION SIGN}"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def fixed(value: float, places: int) -> str:
    """``-0.04, 1`` → ``0.0``; ``-1234.5, 1`` → ``−1,234.5``."""
    text = f"{abs(value):,.{places}f}"
    return f"{MINUS}{text}" if value < 0 and not is_zero(text) else text


def is_zero(text: str) -> bool:
    """Whether a number was rounded to 0: ``0.00``."""
    return not any(digit in text for digit in "123456789")


def significant(value: float, digits: int = 2) -> str:
    """Rounded to significant digits, never in exponent notation: ``34.27`` → ``34``, ``0.0123`` → ``0.012``."""
    if value == 0 or isinf(value) or isnan(value):
        return fixed(value, 0) if value == 0 else "infinite"
    places = digits - 1 - floor(log10(abs(value)))
    return fixed(round(value, places), max(places, 0))


def finite(value: float | None) -> float | None:
    """None for what is infinite: an open end, or a median among runs that diverged."""
    return None if value is None or isinf(value) else value


def plain(value: float) -> str:
    """A number that a person wrote, such as a margin or a learning rate, as they would have written it."""
    return f"{value:g}".replace("-", MINUS) if abs(value) < 1e5 else f"{value:,.0f}"


def places_for(half_width: float) -> int:
    """Decimals that an interval of this half-width warrants: two digits of it if it begins with 1 or 2, else one."""
    if not 0 < half_width < inf:
        return 2
    exponent = floor(log10(half_width))
    leading = half_width / 10**exponent
    return int(min(max(-exponent + (leading < 3), 0), 4))


def ratio(log2: float, digits: int | None = None) -> str:
    """The factor behind a log2 ratio: ``5.1`` → ``34``; near 1 a digit more: ``0.06`` → ``1.04``."""
    factor = 2.0 ** min(log2, 1000.0)
    if factor >= 1e5:
        return f"10{str(floor(log10(factor))).translate(SUPERSCRIPTS)}"
    return significant(factor, digits or (3 if 0.8 < factor < 1.5 else 2))


def times(log2: float, digits: int | None = None) -> str:
    """``×2.7``, or ``÷1.16`` where the ratio is below 1."""
    return f"{DIVIDED if log2 < -1e-9 else TIMES}{ratio(abs(log2), digits)}"


def p_value(p: float) -> str:
    """Two digits, but never a false precision at the ends."""
    if p < 0.001:
        return "< 0.001"
    return "> 0.99" if p > 0.99 else significant(p)


def count(value: float) -> str:
    return f"{value:,.0f}"


def compact(value: float) -> str:
    """Three digits of a large count: ``61706`` → ``61.7 k``, ``46764746`` → ``46.8 M``; below 1,000 as it is."""
    rounded = round(value, 2 - floor(log10(max(value, 1))))
    for power, letter in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if rounded >= 10**power:
            return f"{significant(rounded / 10**power, 3)} {letter}"
    return count(value)


def exact(value: float) -> str:
    """A computed number: whole ones in full, others in four digits, tiny and huge ones as ``1.2 × 10⁻⁷``."""
    if isinf(value):
        return f"{MINUS if value < 0 else ''}infinite"
    if float(value).is_integer() and abs(value) < 1e12:
        return fixed(value, 0)
    if 1e-4 <= abs(value) < 1e9:
        return significant(value, max(4, floor(log10(abs(value))) + 2)).rstrip("0").removesuffix(".")
    mantissa, _, power = f"{value:.1e}".partition("e")
    return f"{mantissa} {TIMES} 10{str(int(power)).translate(SUPERSCRIPTS)}".replace("-", MINUS)


def kibibytes(size: float) -> str:
    """Bytes as KiB, in full."""
    return fixed(size / 1024, 1)


def listed(words: list[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def day(when: datetime) -> str:
    """``3 March 2025``."""
    return f"{when.day} {when:%B %Y}"


def moment(when: datetime) -> str:
    """``3 March 2025, 11:06 UTC``, of a time in UTC."""
    return f"{day(when)}, {when:%H:%M} UTC"


def plural(number: int, noun: str, nouns: str = "") -> str:
    """``1 run``, ``1,200 runs``; `nouns` if the plural is not made with an s."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def seed_ranges(seeds: Iterable[int]) -> str:
    """``(0, 1, 2, 7)`` → ``0–2, 7``."""
    return seeds_slug(tuple(seeds)).replace("-", "–").replace("_", ", ")


def setting(name: str, value: Any) -> str:
    """A setting as a person would write it: ``depth 8``, ``residual``, ``not residual``."""
    if isinstance(value, bool):
        return name if value else f"not {name}"
    return f"{name} {plain(value) if isinstance(value, int | float) else value}".strip()


def capital(text: str) -> str:
    """The text with a capital letter first."""
    return text[:1].upper() + text[1:]


def bounds(row: Mapping[str, Any], low: str = "low", high: str = "high") -> tuple[float, float]:
    """The ends of the interval in two columns of a row; an open end is infinite."""
    return -inf if row[low] is None else row[low], inf if row[high] is None else row[high]


@dataclass(frozen=True)
class Quantity:
    """An estimate with its interval, in digits that fit; None where it does not exist, infinite where it is open."""

    estimate: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, row: Mapping[str, Any], estimate: str = "estimate") -> Quantity:
        """The effect in a row of ``contrasts``, or of another table by the column of its estimate."""
        return cls(row[estimate], row["low"], row["high"])

    @property
    def turned(self) -> Quantity:
        """With the other sign."""
        minus = [None if number is None else -number for number in (self.estimate, self.high, self.low)]
        return Quantity(*minus)

    @property
    def known(self) -> bool:
        """Whether there is an estimate, or a bound at least."""
        return any(number is not None for number in (self.estimate, self.low, self.high))

    @property
    def places(self) -> int:
        ends = [end for end in map(finite, (self.low, self.high)) if end is not None]
        if len(ends) == 2:
            return places_for((ends[1] - ends[0]) / 2)
        size = finite(self.estimate) or (ends[0] if ends else 0.0)
        return places_for(abs(size) / 10) if size else 2

    @property
    def value(self) -> str | None:
        return None if finite(self.estimate) is None else fixed(float(self.estimate or 0), self.places)

    @property
    def interval(self) -> str | None:
        """``4.93 to 5.28``, ``above 0.85``, ``below 2.1``; None where nothing bounds it."""
        return span(self.low, self.high, self.places)

    @property
    def text(self) -> str:
        """``0.81 (0.43 to 1.19)``; what does not exist is said."""
        return f"{self.value or 'no estimate'} ({self.interval or 'no bound'})"


def span(low: float | None, high: float | None, places: int) -> str | None:
    """An interval in words; open ends are said, not shown as infinity."""
    bottom, top = (None if finite(end) is None else fixed(float(end or 0), places) for end in (low, high))
    if bottom is not None and top is not None:
        return f"{bottom} to {top}"
    if bottom is not None:
        return f"above {bottom}"
    return f"below {top}" if top is not None else None


def with_interval(mean: tuple[float, float, float], places: int | None = None, unit: str = "") -> str:
    """``2.59 (2.41 to 2.77)`` from a mean and its interval, by default in the decimals that the interval warrants."""
    center, low, high = mean
    places = Quantity(*mean).places if places is None else places
    return f"{fixed(center, places)}{unit} ({span(low, high, places)})"


def common_places(half_widths: Iterable[float]) -> int:
    """Decimals for a column of means: one digit of the narrowest interval, two decimals at most."""
    finite_widths = [half for half in half_widths if 0 < half < inf]
    return min(max(-floor(log10(min(finite_widths))), 0), 2) if finite_widths else 1
