"""What the runs were given: prepared data sets and training settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnnlab.data.card import card
from cnnlab.planning.specs import ArmSpec, seeds_slug
from cnnlab.report.tables.view import Cell, Column, TableView, table
from cnnlab.wording.numbers import count, plain

if TYPE_CHECKING:
    from cnnlab.planning.plan import Plan
    from cnnlab.planning.study import Study

FIXED = "fixed by the study"
Card = Mapping[str, Any]  # of a prepared data set; only `data_id` and `title` before it is prepared


def in_words(settings: Mapping[str, Any], names: Iterable[str]) -> str:
    """Those settings that there are, as ``depth 8, not residual``."""
    return ", ".join(_in_words(name, settings[name]) for name in names if name in settings)


def _in_words(name: str, setting: Any) -> str:
    name = name.replace("_", " ").removeprefix("data name").removeprefix("network").strip()
    if isinstance(setting, bool):
        return name if setting else f"not {name}"
    return f"{name} {plain(setting) if isinstance(setting, int | float) else setting}".strip()


def data_titles(plan: Plan) -> list[str]:
    """The names of the data sets, as their descriptions give them once they are prepared."""
    return sorted({prepared["title"] for prepared in _cards(plan)})


def _cards(plan: Plan) -> list[Card]:
    return [
        {"title": spec.name, **(card(plan, spec) or {}), "data_id": data_id}
        for data_id, spec in sorted(plan.data().items())
    ]


def data(plan: Plan) -> TableView:
    return table("data", "Prepared data sets", DATA, _cards(plan))


def _prepared(text: Callable[[Card], Cell | str]) -> Callable[[Card], Cell | str | None]:
    """The text, of data that are prepared."""
    return lambda card: text(card) if "images" in card else None


def _images(card: Card) -> str:
    return " / ".join(count(card["images"][part]) for part in ("train", "validation", "test"))


def _size(card: Card) -> Cell:
    side = card["image_size"]
    return Cell(f"{card['channels']}×{side}×{side}", note=f"{len(card['classes'])} classes")


def _split(card: Card) -> str:
    return f"{card['split']['how']}, seed {card['split']['seed']}"


NOT_YET = "not prepared yet"
DATA: tuple[Column[Card], ...] = (
    Column("Data", lambda card: Cell(card["title"], note=card["data_id"])),
    Column("Images", _prepared(_images), "Training, validation, test", numeric=True, missing=NOT_YET),
    Column("Size", _prepared(_size), missing=NOT_YET),
    Column("Split", _prepared(_split), missing=NOT_YET),
    Column("Source", _prepared(lambda card: str(card["origin"])), missing=NOT_YET),
    Column(
        "Checksum",
        _prepared(lambda card: Cell(card["checksum"], code=True)),
        "Of the prepared images, labels and split",
        missing=NOT_YET,
    ),
)


def settings(studies: Sequence[Study]) -> TableView:
    return table("settings", "Training settings", SETTINGS, studies)


def _arms(text: Callable[[ArmSpec], str]) -> Callable[[Study], str]:
    """What the arms of a study are given; where they differ, each once."""
    return lambda study: " / ".join(dict.fromkeys(text(arm.spec) for arm in study.arms.values()))


def _tuned(text: Callable[[ArmSpec], str]) -> Callable[[Study], str | None]:
    """As `_arms`, of those whose learning rate is chosen; None where no one's is."""

    def of(study: Study) -> str | None:
        arms = [arm.spec for arm in study.arms.values()]
        tuned = [arm for arm in arms if arm.train.learning_rate is None and arm.train.epochs]
        return " / ".join(dict.fromkeys(map(text, tuned))) or None

    return of


def _optimizer(arm: ArmSpec) -> str:
    train = arm.train
    return f"{train.optimizer.upper()}, momentum {plain(train.momentum)}, weight decay {plain(train.weight_decay)}"


SETTINGS: tuple[Column[Study], ...] = (
    Column("Study", lambda study: Cell(study.title, note=study.path.name)),
    Column("Seeds", lambda study: seeds_slug(study.seeds).replace("-", "–").replace("_", ", ")),
    Column("Epochs", _arms(lambda arm: str(arm.train.epochs)), numeric=True),
    Column("Batch", _arms(lambda arm: str(arm.train.batch_size)), numeric=True),
    Column("Optimizer", _arms(_optimizer)),
    Column("Schedule", _arms(lambda arm: arm.train.schedule)),
    Column(
        "Learning rates tried",
        _tuned(lambda arm: ", ".join(map(plain, arm.train.tune.rates))),
        "Extended where the best is an edge",
        missing=FIXED,
    ),
    Column(
        "Tuned for",
        _tuned(lambda arm: f"{100 * arm.train.tune.epochs_share:.0f} %"),
        "Share of the epochs, one seed of its own per rate",
        numeric=True,
        missing=FIXED,
    ),
    Column(
        "Target",
        _arms(lambda arm: f"{100 * arm.train.target_accuracy:g} %"),
        "Validation accuracy to which steps and seconds are counted",
        numeric=True,
    ),
    Column("Device", _arms(lambda arm: f"{arm.device}, {arm.precision}")),
)
