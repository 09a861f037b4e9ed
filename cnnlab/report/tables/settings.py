"""What the runs were given: prepared data sets and training settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab.data.card import read
from cnnlab.planning.specs import OPTIMIZERS, ArmSpec, PreparedSpec, seeds_slug
from cnnlab.report.tables.view import Cell, Column, TableView, missing
from cnnlab.wording.numbers import count, plain

if TYPE_CHECKING:
    from cnnlab.planning.plan import Plan
    from cnnlab.planning.study import Study


def data_titles(plan: Plan) -> list[str]:
    """The names of the data sets, as their descriptions give them once they are prepared."""
    cards = {data_id: plan.paths.data_card(data_id) for data_id in plan.data()}
    titles = [read(path)["title"] if path.exists() else plan.data()[data_id].name for data_id, path in cards.items()]
    return sorted(set(titles))


def data(plan: Plan) -> TableView:
    columns = (
        Column("Data"),
        Column("Images", numeric=True, hint="Training, validation, test"),
        Column("Size"),
        Column("Split"),
        Column("Source"),
        Column("Checksum", hint="Of the prepared images, labels and split"),
    )
    rows = [_data_row(data_id, spec, plan.paths.data_card(data_id)) for data_id, spec in sorted(plan.data().items())]
    return TableView("data", "Prepared data sets", columns, rows)


def _data_row(data_id: str, spec: PreparedSpec, path: Path) -> list[Cell]:
    if not path.exists():
        return [Cell(spec.name, note=data_id), *[missing("not prepared yet")] * 5]
    card = read(path)
    sizes, side = card["images"], card["image_size"]
    return [
        Cell(card["title"], note=data_id),
        Cell(" / ".join(count(sizes[name]) for name in ("train", "validation", "test"))),
        Cell(f"{card['channels']}×{side}×{side}", note=f"{len(card['classes'])} classes"),
        Cell(f"{card['split']['how']}, seed {card['split']['seed']}"),
        Cell(card["origin"]),
        Cell(card["checksum"], code=True),
    ]


def settings(studies: Sequence[Study]) -> TableView:
    columns = (
        Column("Study"),
        Column("Seeds"),
        Column("Epochs", numeric=True),
        Column("Batch", numeric=True),
        Column("Optimizer"),
        Column("Schedule"),
        Column("Learning rates tried", hint="Extended where the best is an edge"),
        Column("Tuned for", numeric=True, hint="Share of the epochs, one seed of its own per rate"),
        Column("Target", numeric=True, hint="Validation accuracy to which steps and seconds are counted"),
        Column("Device"),
    )
    return TableView("settings", "Training settings", columns, [_setting(study) for study in studies])


def _setting(study: Study) -> list[Cell]:
    arms = [arm.spec for arm in study.arms.values()]
    tuned = [arm for arm in arms if arm.train.learning_rate is None and arm.train.epochs]
    return [
        Cell(study.title, note=study.path.name),
        Cell(seeds_slug(study.seeds).replace("-", "–").replace("_", ", ")),
        _common(arms, lambda arm: str(arm.train.epochs)),
        _common(arms, lambda arm: str(arm.train.batch_size)),
        _common(arms, _optimizer),
        _common(arms, lambda arm: arm.train.schedule),
        _common(tuned, _rates) if tuned else missing("fixed by the study"),
        _common(tuned, lambda arm: f"{100 * arm.train.tune.epochs_share:.0f} %")
        if tuned
        else missing("fixed by the study"),
        _common(arms, lambda arm: f"{100 * arm.train.target_accuracy:g} %"),
        _common(arms, lambda arm: f"{arm.device}, {arm.precision}"),
    ]


def _common(arms: Sequence[ArmSpec], told: Callable[[ArmSpec], str]) -> Cell:
    return Cell(" / ".join(dict.fromkeys(told(arm) for arm in arms)))


def _rates(arm: ArmSpec) -> str:
    return ", ".join(map(plain, arm.train.tune.rates))


def _optimizer(arm: ArmSpec) -> str:
    settings = (f"{name.replace('_', ' ')} {_written(value)}" for name, value in arm.train.optimizer_settings.items())
    return ", ".join([OPTIMIZERS[arm.train.optimizer].title, *settings])


def _written(value: float | tuple[float, ...]) -> str:
    return " and ".join(map(plain, value)) if isinstance(value, tuple) else plain(value)
