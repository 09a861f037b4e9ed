"""Whose claim it is: of the ledger, which a study tests only on purpose, or one's own."""

from __future__ import annotations

import re
from collections.abc import Collection

from cnnlab.core.errors import UserError, closest, nearest
from cnnlab.core.places import Place
from cnnlab.planning.studies.claims import ClaimRegistry
from cnnlab.planning.studies.study_file import ClaimSpec, StudyFile

REGISTERED = re.compile(r"C\d\d")


def check_claim(spec: ClaimSpec, written: StudyFile, registry: ClaimRegistry, place: Place) -> None:
    """That an id of the ledger is one, that a trained contrast can decide its part, and that the study is meant to.

    The ledger lists the studies of each claim; any other says ``ledger: true``, so that none becomes evidence for a
    sentence of the book by a number that was free to its author.

    Raises:
        UserError: saying what to write.
    """
    claim = registry.get(spec.id)
    if claim is None:
        if REGISTERED.fullmatch(spec.id):
            meant = closest(spec.id, [each.id for each in registry.claims])
            copied = "" if registry.claims else "`cnnlab init DIR --with-studies` copies it, "
            hint = f"did you mean '{meant}'? Or" if meant else f"{copied}or"
            raise UserError(
                f"{place / 'id'}: {spec.id} is not in workflow/claims.yaml; {hint} name a claim of your own"
            )
        if spec.ledger:
            raise UserError(f"{place / 'ledger'}: '{spec.id}' is no claim of workflow/claims.yaml; remove the key")
        return
    if written.study not in claim.studies and not spec.ledger:
        raise UserError(
            f"{place / 'id'}: {spec.id} is the ledger's “{claim.statement}”; give a claim of your own another name, as "
            f"{written.study}-helps, or write ledger: true beside it if this study is to count for that sentence"
        )
    kind = claim.parts.get(spec.part)
    if kind is None:
        raise UserError(f"{place / 'part'}: {spec.id} has no part '{spec.part}'; {nearest(spec.part, claim.parts)}")
    if kind != "empirical":
        raise UserError(f"{place / 'id'}: {spec.id} ({spec.part}) is {kind}: no trained contrast can decide it")


def check_extension(extension: str | None, own: Collection[str], registry: ClaimRegistry, place: Place) -> None:
    """That a contrast is shown beside a claim that there is."""
    ids = {*own, *(claim.id for claim in registry.claims)}
    if extension is not None and extension not in ids:
        meant = closest(extension, ids)
        raise UserError(f"{place}: no claim '{extension}'; {f'did you mean {meant!r}?' if meant else 'name another'}")
