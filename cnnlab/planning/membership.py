"""To which studies and claims an arm belongs, as MLflow shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnlab.planning.plan import Plan


@dataclass(frozen=True)
class ArmMembership:
    """The label of an arm, the studies that ask for it, and the claims whose primary contrast it takes part in."""

    label: str
    studies: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()

    @property
    def tags(self) -> dict[str, str]:
        """One tag for each membership, so that MLflow can filter by any of them."""
        named = [*(f"study.{study}" for study in self.studies), *(f"claim.{claim}" for claim in self.claims)]
        return {"arm": self.label, **dict.fromkeys(named, "true")}


def memberships(plan: Plan) -> dict[str, ArmMembership]:
    """By arm id. An arm that several studies share bears the label of the first."""
    found: dict[str, ArmMembership] = {}
    for study in plan.studies:
        for arm in study.arms.values():
            claims = (
                claim.id for claim in study.claims if any(arm.name in contrast.contrast for contrast in claim.requires)
            )
            known = found.get(arm.spec.arm_id, ArmMembership(arm.label))
            found[arm.spec.arm_id] = ArmMembership(
                known.label,
                tuple(sorted({*known.studies, study.name})),
                tuple(sorted({*known.claims, *claims})),
            )
    return found


def figures_of(plan: Plan) -> Mapping[str, list[Path]]:
    """By arm id, the PNG figures of the studies it belongs to, as far as they are drawn."""
    drawn = {study.name: sorted((plan.paths.figures / study.name).glob("*.png")) for study in plan.studies}
    return {
        arm_id: [figure for study in membership.studies for figure in drawn[study]]
        for arm_id, membership in memberships(plan).items()
    }
