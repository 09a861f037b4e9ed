"""Why a verdict may not hold elsewhere: what each study has to say of its data, networks, runs and learning rates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from cnnlab.analysis.effects import HARDLY
from cnnlab.analysis.tables.frames import Tables
from cnnlab.planning import model_registry
from cnnlab.planning.plan import Plan
from cnnlab.planning.specs import ArmSpec, DataSpec
from cnnlab.planning.studies.study import Study
from cnnlab.wording.numbers import count, fixed, listed, plain, plural, seed_ranges


def generated(study: Study, plan: Plan, tables: Tables) -> list[str]:
    """Sentences made from what the study says of its seeds, from its arms, its data and its tuning."""
    arms = [arm.spec for arm in study.arms.values()]
    return [
        *_seen(study),
        _data(arms, plan),
        *_images_alike(arms, plan),
        _networks(arms),
        _seeds(study),
        *_tuning(study, arms, tables),
        *_learned_little(study, tables),
    ]


def _seen(study: Study) -> list[str]:
    """That runs with some seeds had been seen before, if any had, and which of them the study uses again."""
    if not study.seen:
        return []
    again = set(study.seen) & set(study.seeds)
    used = "all are" if again == set(study.seen) else f"{seed_ranges(again)} are" if again else "none is"
    return [
        f"Runs on these images with seeds {seed_ranges(study.seen)}, of an earlier design or of this one, had "
        f"been seen when this plan was fixed; of these seeds {used} used again."
    ]


def _data(arms: Sequence[ArmSpec], plan: Plan) -> str:
    """The data sets, and how many of their images the arms are given."""
    by_id = {arm.data.data_id: [other.data for other in arms if other.data.data_id == arm.data.data_id] for arm in arms}
    sets = listed([_images(specs, plan) for specs in by_id.values()])
    return f"Data: {sets}, of the {plan.tier} tier; other images, or more of them, may answer otherwise."


def _images(specs: Sequence[DataSpec], plan: Plan) -> str:
    """``MNIST (3,000 to train, 1,500 to test, 28×28 pixels)``, of one data set; for a pilot ``500 of validation``."""
    card = plan.card(specs[0])
    if card is None:
        return specs[0].name
    images, side = card["images"], card["image_size"]
    train = _range((min(spec.train_size or images["train"], images["train"]) for spec in specs), count)
    split = specs[0].tested
    tested = f"{count(images[split])}{' of validation' if split == 'validation' else ''} to test"
    return f"{card['title']} ({train} to train, {tested}, {side}×{side} pixels)"


def _images_alike(arms: Sequence[ArmSpec], plan: Plan) -> list[str]:
    """What is wrong with the test images as a test of what was learned: copies, and what belongs together."""
    sentences = []
    for data in {arm.data.data_id: arm.data for arm in arms}.values():
        card = plan.card(data) or {}
        title, copies, groups = card.get("title", data.name), card.get("copies") or {}, card.get("groups")
        if copies.get("tested"):
            sentences.append(f"{title}: {plural(copies['tested'], 'test image')} among those trained on, too.")
        if copies.get("classes"):
            sentences.append(f"{title}: {plural(copies['classes'], 'image')} under two classes.")
        if groups and groups["across"]:
            sentences.append(
                f"{title}: {plural(groups['across'], 'group')} with training and test images, as the split came."
            )
        if data.name == "folder" and groups is None:
            sentences.append(
                f"{title}: no group was given, so that images of one person or object may be trained on and tested."
            )
        if skipped := card.get("skipped"):
            sentences.append(
                f"{title}: {plural(len(skipped), 'file')} could not be read and {_is(len(skipped))} left out."
            )
    return sentences


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _networks(arms: Sequence[ArmSpec]) -> str:
    """Titles with their presets: what is small here may behave otherwise when it is large."""
    architectures = model_registry.architectures()
    presets = dict.fromkeys((arm.model.architecture, arm.model.preset) for arm in arms)
    titles = [f"{architectures[name].title if name in architectures else name} ({preset})" for name, preset in presets]
    return f"Networks: {listed(titles)}, trained {_length(arms)}; others, or longer training, may answer otherwise."


def _length(arms: Sequence[ArmSpec]) -> str:
    """``for 12 epochs with batches of 64``."""
    trained = [arm.train for arm in arms if arm.train.epochs]
    if not trained:
        return "not at all"
    epochs, batch = _range(train.epochs for train in trained), _range(train.batch_size for train in trained)
    return f"for {epochs} epoch{'' if epochs == '1' else 's'} with batches of {batch}"


def _range(numbers: Iterable[float], written: Callable[[float], str] = plain) -> str:
    """``4 to 12``, or ``4`` where all are equal."""
    ordered = sorted(set(numbers))
    return " to ".join(map(written, dict.fromkeys((ordered[0], ordered[-1]))))


def _seeds(study: Study) -> str:
    arms = [arm.spec for arm in study.arms.values()]
    drawn = all(arm.data.train_draw == "seed" for arm in arms)
    tunes = {arm.train.tune.per for arm in arms if arm.train.epochs and arm.train.learning_rate is None}
    rates = "learning rates, " if tunes == {"seed"} else ""
    covered = "seeds, training and test images" if drawn else "seeds and test images, not the choice of the data"
    return f"Runs: {plural(len(study.seeds), 'seed')} an arm; intervals cover the sampling of {rates}{covered}."


def _tuning(study: Study, arms: Sequence[ArmSpec], tables: Tables) -> list[str]:
    """How the learning rates were chosen, and which of them lie at the end of what was tried."""
    trained = [arm.train for arm in arms if arm.train.epochs]
    tried = [len(train.tune.rates) for train in trained if train.learning_rate is None]
    fixed = sorted({train.learning_rate for train in trained if train.learning_rate})
    ways = []
    if tried:
        tunes = [train.tune for train in trained if train.learning_rate is None]
        runs = _range([tune.seeds for tune in tunes])
        by = listed(sorted({tune.metric.replace("_", " ") for tune in tunes}))
        each = "one run each" if runs == "1" else f"the mean of {runs} runs each"
        of = listed(sorted({tune.per for tune in tunes}))
        ways.append(f"for each {of} the best of {_range(tried)}, from {each}, by {by}")
    if fixed:
        ways.append(f"fixed by the study at {listed([plain(rate) for rate in fixed])}")
    edge = [row["label"] for row in tables.rows("arms", study=study.name) if row["tuning_edge"]]
    at_edge = f" At the end of what was tried, so that a better one may lie beyond: {listed(edge)}." if edge else ""
    return [f"Learning rates: {'; '.join(ways)}.{at_edge}"] if ways else []


def _learned_little(study: Study, tables: Tables) -> list[str]:
    """Runs that err more than half as often as guessing where most of their arm do not: a mean hides them."""
    sentences = []
    for arm in study.arms.values():
        runs = tables.rows("runs", arm_id=arm.spec.arm_id) if arm.spec.train.epochs else []
        runs = [run for run in runs if run["seed"] in study.seeds and run["test_error"] is not None]
        bound = HARDLY * (1 - 1 / len(arm.spec.data.source.classes))
        errors = [run["test_error"] for run in runs if not run["failed"] and run["test_error"] > bound]
        if 0 < 2 * len(errors) < len(runs):
            which = listed([f"{fixed(100 * error, 0)} %" for error in sorted(errors)])
            sentences.append(
                f"{arm.label}: {len(errors)} of {plural(len(runs), 'run')} learned little (test errors of {which}) and "
                f"{'counts' if len(errors) == 1 else 'count'} like the others."
            )
    return sentences
