"""A matrix of families and switches, as arms, contrasts, and the cells that a family refuses.

Each family has a base arm. Each switch that its architecture takes is turned alone, everything else as in the base arm,
so a cell compares two arms that differ in one thing; but for the activation, which brings its usual initialization
along where the base arm leaves that open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cnnlab.core.errors import Mistakes, UserError, nearest
from cnnlab.core.places import Place
from cnnlab.core.validation import merge
from cnnlab.planning import model_registry
from cnnlab.planning.specs import ArmSpec
from cnnlab.planning.studies.study import Arm, Matrix
from cnnlab.planning.studies.study_file import CellContrast, MatrixFields, SwitchFields

Fields = Mapping[str, Any]
# Turns what is laid over the base of the study into an arm's spec; the last argument says where that stands.
Complete = Callable[[Fields, Place], ArmSpec]


def expand(
    written: MatrixFields, complete: Complete, where: Place
) -> tuple[dict[str, Arm], tuple[CellContrast, ...], Matrix]:
    """The arms and contrasts of every cell, family by family, and the matrix that they stand in.

    `where` is the study, and what a family may have from elsewhere in it.

    Raises:
        UserError: for an unknown switch or level, or a contrast of other things than the two levels.
    """
    mistakes = Mistakes()
    for name, switch in written.switches.items():
        mistakes.attempt(_check, name, switch, replace(where, others=()) / "matrix" / "switches" / name)
    mistakes.refuse()
    arms: dict[str, Arm] = {}
    contrasts: list[CellContrast] = []
    refused: dict[tuple[str, str], str] = {}
    for family, fields in written.families.items():
        here = replace(where, key=("matrix", "families", family))
        row = _Row(fields.model_dump(include={"model", "data", "train"}, exclude_unset=True), complete, here)
        spec = mistakes.attempt(row.arm)
        if spec is None:
            continue
        base = arms[family] = Arm(family, fields.label or family, spec)
        for name, switch in written.switches.items():
            reason = _refusal(base.spec.model.architecture, name, switch)
            if reason:
                refused[family, name] = reason
                continue
            cell = mistakes.attempt(row.cell, base, name, switch) or {}
            arms |= {arm.name: arm for arm in cell.values()}
            contrasts += _contrasts(base, name, switch, cell) if cell else []
    mistakes.refuse()
    families = {family: arms[family].label for family in written.families}
    titles = {name: _title(name, switch) for name, switch in written.switches.items()}
    return arms, tuple(contrasts), Matrix(families, titles, refused)


@dataclass(frozen=True)
class _Row:
    """A family: what it lays over the base of the study, and where that stands."""

    fields: Fields
    complete: Complete
    where: Place

    def arm(self, **switches: Any) -> ArmSpec:
        """Its base arm, or that with another value of some switch."""
        over = {"model": switches} if switches else {}
        return self.complete(merge(self.fields, over), self.where)

    def cell(self, base: Arm, name: str, switch: SwitchFields) -> dict[str, Arm]:
        """The arm of each level, by the level's text: the base arm where that has it already."""
        has = base.spec.model.switches[name]
        declared = model_registry.get(base.spec.model.architecture).switches[name]
        arms = {}
        for text, level in switch.by_text.items():
            if declared.check(level) == has:
                arms[text] = base
            else:
                suffix = f"{name}={text}"
                label = f"{base.label}, {switch.labels.get(text, suffix)}"
                arms[text] = Arm(f"{base.name} {suffix}", label, self.arm(**{name: level}))
        return arms


def _contrasts(base: Arm, name: str, switch: SwitchFields, cell: Mapping[str, Arm]) -> list[CellContrast]:
    return [
        CellContrast(
            metric=effect.metric,
            contrast={cell[text].name: weight for text, weight in effect.contrast.items()},
            extension=effect.extension,
            label=f"{base.label}: {_title(name, switch)}",
            family=base.name,
            switch=name,
        )
        for effect in switch.effects
    ]


def _title(name: str, switch: SwitchFields) -> str:
    return switch.title or name.replace("_", " ")


def _refusal(architecture: str, name: str, switch: SwitchFields) -> str | None:
    """Why the architecture has no such cell; None if it takes the switch and both levels."""
    declaration = model_registry.get(architecture)
    if name not in declaration.switches:
        return declaration.refuses.get(name, f"{declaration.title} has no switch '{name}'")
    refused = (text for text, level in switch.by_text.items() if declaration.switches[name].refusal(level))
    return next((f"{declaration.title} does not take {name}: {text}" for text in refused), None)


def _check(name: str, switch: SwitchFields, where: Place) -> None:
    """A switch and two levels of it that some architecture takes, and contrasts of these two."""
    architectures = model_registry.architectures().values()
    takers = [architecture.switches[name] for architecture in architectures if name in architecture.switches]
    if not takers:
        switches = {switch for architecture in architectures for switch in architecture.switches}
        raise UserError(f"{where}: no architecture has this switch; {nearest(name, switches)}")
    broadest = max(takers, key=lambda taker: len(taker.values))
    for level in switch.levels:
        if all(taker.refusal(level) for taker in takers):
            raise UserError(f"{where / 'levels'}: {broadest.refusal(level)}")
    for index, effect in enumerate(switch.effects):
        _check_keys(effect.contrast, switch, where / "effects" / index / "contrast")
    _check_keys(switch.labels, switch, where / "labels")


def _check_keys(given: Mapping[str, Any], switch: SwitchFields, where: Place) -> None:
    for key in given:
        if key not in switch.by_text:
            raise UserError(f"{where / key}: '{key}' is not one of the two levels; {nearest(key, switch.by_text)}")
