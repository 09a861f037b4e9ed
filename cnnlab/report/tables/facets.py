"""What rows of the ledger can be filtered by: verdict, chapter, kind of evidence, and networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cnnlab.analysis.tables.frames import Row
from cnnlab.planning import model_registry
from cnnlab.planning.plan import Plan
from cnnlab.planning.verdicts import WHOLE

SEPARATOR = "|"  # between the values of one facet of a row


@dataclass(frozen=True)
class Choices:
    """What the rows of the ledger can be narrowed to: values as in the rows, networks with their titles."""

    chapters: Sequence[str]
    kinds: Sequence[str]
    networks: Mapping[str, str]


def of_rows(chapters: Mapping[str, Sequence[Row]], plan: Plan) -> list[dict[str, str]]:
    """The facets of the rows of ``claims`` in `chapters`, in their order; of a part, ``of`` says which claim it is of.

    A whole claim has the kinds and networks of all its parts.
    """
    used = _networks(plan)
    listed = [(chapter, row) for chapter, rows in chapters.items() for row in rows]
    wholes = {row["id"] for _, row in listed if row["kind"] == WHOLE}
    facets = []
    for chapter, row in listed:
        parts = [other for _, other in listed if other["id"] == row["id"]] if row["kind"] == WHOLE else [row]
        kinds = dict.fromkeys(part["kind"] for part in parts if part["kind"] != WHOLE)
        networks = {name for part in parts for name in used.get((part["study"], part["id"], part["part"]), ())}
        facets.append(
            {
                "verdict": row["verdict"],
                "chapter": chapter,
                "kind": SEPARATOR.join(kinds or [row["kind"]]),
                "network": SEPARATOR.join(sorted(networks)),
                "of": row["statement"] or "" if row["kind"] != WHOLE and row["id"] in wholes else "",
            }
        )
    return facets


def choices(facets: Sequence[Mapping[str, str]]) -> Choices:
    """Every value that a row has, once; networks by their titles."""
    titles = {name: network.title for name, network in model_registry.architectures().items()}
    networks = {name: titles.get(name, name) for name in _values(facets, "network")}
    return Choices(
        chapters=_values(facets, "chapter"),
        kinds=_values(facets, "kind"),
        networks=dict(sorted(networks.items(), key=lambda item: item[1].lower())),
    )


def _networks(plan: Plan) -> dict[tuple[str | None, str, str], tuple[str, ...]]:
    """The networks of which a study tests a part of a claim, by study, id and part."""
    return {(study.name, claim.id, claim.part): claim.architectures for study in plan.studies for claim in study.claims}


def _values(facets: Sequence[Mapping[str, str]], name: str) -> list[str]:
    return list(dict.fromkeys(value for row in facets for value in row[name].split(SEPARATOR) if value))
