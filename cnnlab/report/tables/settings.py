"""What the runs were given: prepared data sets and training settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cnnlab.planning.plan import Plan
from cnnlab.planning.specs import OPTIMIZERS, ArmSpec
from cnnlab.planning.studies.study import Study
from cnnlab.report.tables.view import Cell, Column, Number, TableView, code, table, value
from cnnlab.wording.numbers import count, plain, plural, seed_ranges, setting

FIXED = "fixed by the study"
Card = dict[str, Any]  # of a prepared data set; only `data_id` and `title` before it is prepared


def in_words(settings: Mapping[str, Any], names: Iterable[str]) -> str:
    """The settings of these names that there are, as ``depth 8, not residual``."""
    titles = {name: name.replace("_", " ").removeprefix("data name").removeprefix("network").strip() for name in names}
    return ", ".join(setting(title, settings[name]) for name, title in titles.items() if name in settings)


def data_titles(plan: Plan) -> list[str]:
    """The data sets, as their descriptions name them once they are prepared, and how much of one is used."""
    return sorted({f"{_limit(plan, card)}{card['title']}" for card in _cards(plan)})


def _limit(plan: Plan, card: Card) -> str:
    limit = plan.data()[card["data_id"]].limit
    return f"{plural(limit, 'image')} of " if limit else ""


def _cards(plan: Plan) -> list[Card]:
    return [
        {"title": spec.name, **(plan.card(spec) or {}), "data_id": data_id}
        for data_id, spec in sorted(plan.data().items())
    ]


def data(plan: Plan) -> TableView:
    return table("data", "Prepared data sets", DATA, _cards(plan))


def _images(sizes: Mapping[str, int]) -> str:
    return " / ".join(count(sizes[part]) for part in ("train", "validation", "test"))


def _size(card: Card) -> Cell | None:
    if "classes" not in card:
        return None
    side = card["image_size"]
    return Cell(f"{card['channels']}×{side}×{side}", note=f"{len(card['classes'])} classes")


NOT_YET = "not prepared yet"
DATA: tuple[Column[Card], ...] = (
    Column("Data", lambda card: Cell(card["title"], note=card["data_id"])),
    Number("Images", value("images", _images), "Training, validation, test", missing=NOT_YET),
    Column("Size", _size, missing=NOT_YET),
    Column("Split", value("split", lambda split: f"{split['how']}, seed {split['seed']}"), missing=NOT_YET),
    Column("Source", value("origin"), missing=NOT_YET),
    Column("Checksum", value("checksum", code), "Of the prepared images, labels and split", missing=NOT_YET),
)


def settings(studies: Sequence[Study]) -> TableView:
    return table("settings", "Training settings", SETTINGS, studies)


def _arms(text: Callable[[ArmSpec], str]) -> Callable[[Study], str | None]:
    """What the arms of a study are given; where they differ, each once. None where `text` has nothing of any."""
    return lambda study: " / ".join(filter(None, dict.fromkeys(text(arm.spec) for arm in study.arms.values()))) or None


def _tuned(text: Callable[[ArmSpec], str]) -> Callable[[Study], str | None]:
    """As `_arms`, of those whose learning rate is chosen."""
    return _arms(lambda arm: text(arm) if arm.train.learning_rate is None and arm.train.epochs else "")


def _tuned_for(arm: ArmSpec) -> str:
    """``33 %``, or ``100 %, each seed, 3 runs, validation error`` where that is not one run and its log-loss."""
    tune = arm.train.tune
    apart = ["each seed"] if tune.per == "seed" else []
    runs = [] if tune.seeds == 1 else [f"{tune.seeds} runs"]
    by = [] if tune.metric == "validation_loss" else [tune.metric.replace("_", " ")]
    return ", ".join([f"{100 * tune.epochs_share:.0f} %", *apart, *runs, *by])


def _optimizer(arm: ArmSpec) -> str:
    settings = (f"{name.replace('_', ' ')} {_written(value)}" for name, value in arm.train.optimizer_settings.items())
    return ", ".join([OPTIMIZERS[arm.train.optimizer].title, *settings])


def _written(value: float | tuple[float, ...]) -> str:
    return " and ".join(map(plain, value)) if isinstance(value, tuple) else plain(value)


SETTINGS: tuple[Column[Study], ...] = (
    Column("Study", lambda study: Cell(study.title, note=study.path.name)),
    Column("Seeds", lambda study: seed_ranges(study.seeds)),
    Number("Epochs", _arms(lambda arm: str(arm.train.epochs))),
    Number("Batch", _arms(lambda arm: str(arm.train.batch_size))),
    Column("Optimizer", _arms(_optimizer)),
    Column("Schedule", _arms(lambda arm: arm.train.schedule)),
    Column(
        "Learning rates tried",
        _tuned(lambda arm: ", ".join(map(plain, arm.train.tune.rates))),
        "Extended where the best is an edge",
        missing=FIXED,
    ),
    Number(
        "Tuned for",
        _tuned(_tuned_for),
        "Share of the epochs, in how many runs of each rate, and what of them counts",
        missing=FIXED,
    ),
    Number(
        "Target",
        _arms(lambda arm: f"{100 * arm.train.target_accuracy:g} %"),
        "Validation accuracy to which steps and seconds are counted",
    ),
    Column("Device", _arms(lambda arm: f"{arm.device}, {arm.precision}")),
)
