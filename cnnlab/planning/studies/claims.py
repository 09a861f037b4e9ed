"""The list of all claims, ``workflow/claims.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cnnlab.core.errors import Mistakes
from cnnlab.core.strict_yaml import place, read_yaml
from cnnlab.core.validation import Spec, validate

Kind = Literal["exact", "structural", "empirical"]


class Claim(Spec):
    """A row of ``workflow/claims.yaml``: a statement and the kind of evidence that each of its parts needs."""

    id: Annotated[str, Field(pattern=r"^C\d\d$")]
    chapter: str
    statement: str
    parts: dict[str, Kind]
    studies: tuple[str, ...] = Field((), description="those of this project that test it")


class ClaimRegistry(Spec):
    """All claims of the notes, whether a study tests them yet or not."""

    claims: tuple[Claim, ...]

    def get(self, claim_id: str) -> Claim | None:
        return next((claim for claim in self.claims if claim.id == claim_id), None)

    @property
    def computed_parts(self) -> list[tuple[str, str]]:
        """The parts that need no training, exact and structural, as (id, part) in order."""
        parts = [(claim.id, part, kind) for claim in self.claims for part, kind in claim.parts.items()]
        return sorted((claim_id, part) for claim_id, part, kind in parts if kind != "empirical")

    @property
    def empirical_parts(self) -> int:
        """K of the ledger-wide flag min(1, K·p)."""
        return sum(kind == "empirical" for claim in self.claims for kind in claim.parts.values())


def load_claims(path: Path) -> ClaimRegistry:
    """The registry of claims; an empty one where there is no such file, as in a project whose claims are all its own.

    Raises:
        UserError: if the file is malformed, or holds an id twice.
    """
    if not path.exists():
        return ClaimRegistry(claims=())
    registry = validate(ClaimRegistry, {"claims": read_yaml(path)}, place(path, "claims"))
    mistakes, ids = Mistakes(), [claim.id for claim in registry.claims]
    for index, claim_id in enumerate(ids):
        if claim_id in ids[:index]:
            mistakes.note(f"{place(path, 'claims') / 'claims' / index}: {claim_id} is registered twice; remove one")
    mistakes.refuse()
    return registry
