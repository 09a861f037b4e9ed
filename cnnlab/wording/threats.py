"""Why a verdict may not hold elsewhere: what each study has to say of its data, networks, runs and learning rates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from cnnlab.analysis.tables.frames import Tables
from cnnlab.data.card import card as card_of
from cnnlab.planning import model_registry
from cnnlab.planning.specs import ArmSpec, DataSpec
from cnnlab.planning.study import Study
from cnnlab.wording.numbers import count, listed, plain, plural

if TYPE_CHECKING:
    from cnnlab.planning.plan import Plan


def generated(study: Study, plan: Plan, tables: Tables) -> list[str]:
    """Sentences made from the study's arms, its data and its tuning."""
    arms = [arm.spec for arm in study.arms.values()]
    return [_data(arms, plan), _networks(arms), _seeds(study), *_tuning(study, arms, tables)]


def _data(arms: Sequence[ArmSpec], plan: Plan) -> str:
    sets = {arm.data.data_id: [other.data for other in arms if other.data.data_id == arm.data.data_id] for arm in arms}
    told = listed([_images(members, plan) for members in sets.values()])
    return f"Data: {told}, of the {plan.tier} tier; other images, or more of them, may answer otherwise."


def _images(data: Sequence[DataSpec], plan: Plan) -> str:
    """Of one data set: its name, and how many of its images the arms are given."""
    card = card_of(plan, data[0])
    if card is None:
        return data[0].name
    images, side = card["images"], card["image_size"]
    train = _range((min(each.train_size or images["train"], images["train"]) for each in data), count)
    return f"{card['title']} ({train} to train, {count(images['test'])} to test, {side}×{side} pixels)"


def _networks(arms: Sequence[ArmSpec]) -> str:
    """Titles with their presets: what is small here may behave otherwise when it is large."""
    known = model_registry.architectures()
    names = dict.fromkeys((arm.model.architecture, arm.model.preset) for arm in arms)
    told = [f"{known[name].title if name in known else name} ({preset})" for name, preset in names]
    return f"Networks: {listed(told)}, trained {_over(arms)}; others, or longer training, may answer otherwise."


def _over(arms: Sequence[ArmSpec]) -> str:
    trained = [arm for arm in arms if arm.train.epochs]
    if not trained:
        return "not at all"
    epochs = _range((arm.train.epochs for arm in trained), lambda number: plain(number))
    batch = _range((arm.train.batch_size for arm in trained), lambda number: plain(number))
    one = {arm.train.epochs for arm in trained} == {1}
    return f"for {epochs} epoch{'' if one else 's'} with batches of {batch}"


def _range(values: Iterable[float], told: Callable[[float], str]) -> str:
    found = sorted(set(values))
    return told(found[0]) if len(found) == 1 else f"{told(found[0])} to {told(found[-1])}"


def _seeds(study: Study) -> str:
    seeds = plural(len(study.seeds), "seed")
    return f"Runs: {seeds} an arm; intervals cover the chances of seeds and test images, not the choice of the data."


def _tuning(study: Study, arms: Sequence[ArmSpec], tables: Tables) -> list[str]:
    """How the learning rates were come by; which of them lie at the end of what was tried."""
    tuned = [arm.train.tune for arm in arms if arm.train.learning_rate is None and arm.train.epochs]
    fixed = sorted({arm.train.learning_rate for arm in arms if arm.train.learning_rate and arm.train.epochs})
    told = []
    if tuned:
        rates = _range((len(tune.rates) for tune in tuned), lambda number: plain(number))
        told.append(f"each arm’s the best of {rates}, by one run of each on the validation images")
    if fixed:
        told.append(f"fixed by the study at {listed([plain(rate) for rate in fixed])}")
    edge = [row["label"] for row in tables.rows("arms", study=study.name) if row["tuning_edge"]]
    at_edge = f" At the end of what was tried, so that a better one may lie beyond: {listed(edge)}." if edge else ""
    return [f"Learning rates: {'; '.join(told)}.{at_edge}"] if told else []
