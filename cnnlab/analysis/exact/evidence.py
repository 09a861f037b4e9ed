"""What an exact or structural claim rests on: numbers, what each is held against, and whether that holds.

A claim's function is registered under its id with `claim`; it looks at networks or tensors and returns rows of evidence
and one or two sentences made from the same numbers. The rows decide, never the sentences.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cnnlab.analysis.exact.zoo import Zoo

RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


@dataclass(frozen=True)
class Evidence:
    """One number. A required one decides; the others are shown beside, with or without something to hold them against.

    Equality is exact. Where numbers are equal up to rounding, the row is their largest difference, held against
    a tolerance.

    Raises:
        ValueError: for a relation without a number to relate to, or a required row without a relation.
    """

    case: str
    quantity: str
    unit: str
    value: float
    relation: str = ""
    against: float | None = None
    against_name: str | None = None
    required: bool = True

    def __post_init__(self) -> None:
        if self.relation and (self.relation not in RELATIONS or self.against is None):
            raise ValueError(f"{self.case}, {self.quantity}: relation '{self.relation}' to {self.against}")
        if self.required and not self.relation:
            raise ValueError(f"{self.case}, {self.quantity}: required, but held against nothing")

    @property
    def holds(self) -> bool | None:
        """None where the number is held against nothing. Nothing holds of a value that is not a number."""
        if not self.relation or self.against is None:
            return None
        return bool(RELATIONS[self.relation](self.value, self.against))


def shown(case: str, quantity: str, unit: str, value: float) -> Evidence:
    """A number for the reader alone."""
    return Evidence(case, quantity, unit, value, required=False)


def all_of(case: str, quantity: str, unit: str, cases: Sequence[bool], *, required: bool = True) -> Evidence:
    """How many of several are so, held against how many there are; of none, nothing can be claimed."""
    total = len(cases)
    return Evidence(case, quantity, unit, sum(cases), "=" if total else ">", total, f"{unit} in all", required)


@dataclass(frozen=True)
class Finding:
    """The evidence for one part of a claim, and what it says."""

    id: str
    part: str
    evidence: Sequence[Evidence]
    summary: str

    @property
    def holds(self) -> bool:
        """All required rows do, and there is at least one."""
        decisive = [row.holds for row in self.evidence if row.required]
        return bool(decisive) and all(decisive)


# What a claim's function returns: rows, and a summary.
Evidenced = tuple[list[Evidence], str]
Claim = Callable[[Zoo], Evidenced]
CLAIMS: dict[tuple[str, str], Claim] = {}


def claim(claim_id: str, part: str = "main") -> Callable[[Claim], Claim]:
    """Register the function that computes this part of a claim."""

    def register(function: Claim) -> Claim:
        if (claim_id, part) in CLAIMS:
            raise ValueError(f"{claim_id} ({part}) is computed twice")
        CLAIMS[claim_id, part] = function
        return function

    return register


def compute_claim(claim_id: str, part: str, zoo: Zoo) -> Finding:
    """The evidence for one part of a claim, and the sentence made from it."""
    return Finding(claim_id, part, *CLAIMS[claim_id, part](zoo))
