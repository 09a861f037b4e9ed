"""From study files to arms: everything that Snakemake must know before it starts, without torch or pandas."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cnnlab.core import paths
from cnnlab.core.errors import Mistakes, UserError, nearest
from cnnlab.core.files import read_json
from cnnlab.core.paths import Paths
from cnnlab.planning import device, model_registry
from cnnlab.planning.batches import Batch, batches
from cnnlab.planning.config import Config
from cnnlab.planning.cost import run_seconds
from cnnlab.planning.specs import FIRST_PILOT_SEED, ArmSpec, PreparedSpec, seeds_slug
from cnnlab.planning.studies.broken import Broken, warnings
from cnnlab.planning.studies.claims import ClaimRegistry, load_claims
from cnnlab.planning.studies.complete_arm import resolver
from cnnlab.planning.studies.load_study import load_study
from cnnlab.planning.studies.study import Study


@dataclass(frozen=True)
class Plan:
    """The selected studies of one tier, and what they need; `every` are all studies that could be selected, and
    `broken` those whose files cannot be read."""

    config: Config
    studies: tuple[Study, ...]
    claims: ClaimRegistry
    every: tuple[Study, ...] = ()
    broken: tuple[Broken, ...] = ()

    @property
    def tier(self) -> str:
        """Its name; a pilot, at whatever tier, has another."""
        return f"{self.config.tier}-pilot" if self.config.pilot else self.config.tier

    @property
    def paths(self) -> Paths:
        return self.config.paths

    @property
    def testable(self) -> set[tuple[str, str]]:
        """The claims of all studies, as (id, part)."""
        return {(claim.id, claim.part) for study in self.every for claim in study.claims}

    @property
    def warnings(self) -> list[str]:
        """A line for each study and each network that is left out, as its file cannot be read."""
        return warnings(model_registry.broken(), self.broken)

    def refuse_if_nothing_is_left(self) -> None:
        """Raise what is wrong with all studies, if there is something wrong with all."""
        if self.broken and not self.every:
            raise UserError(*dict.fromkeys(line for study in self.broken for line in study.error.lines))

    def refuse_broken(self, name: str) -> None:
        """Raise what is wrong with the study or network of that name, if it cannot be read."""
        lines = [line for study in self.broken if study.name == name for line in study.error.lines]
        lines += model_registry.broken()[name].lines if name in model_registry.broken() else []
        if lines:
            raise UserError(*dict.fromkeys(lines))

    def only(self, name: str) -> Plan:
        """The plan of one study.

        Raises:
            UserError: if none bears that name.
        """
        named = tuple(study for study in self.studies if study.name == name)
        if not named:
            self.refuse_broken(name)
            raise UserError(f"{name}: no such study; {nearest(name, (study.name for study in self.studies))}")
        return replace(self, studies=named)

    @property
    def finished(self) -> Plan:
        """The plan of all studies that have their runs, whichever call made them: what tables and report are over."""
        return self._with(set())

    @property
    def to_show(self) -> Plan:
        """That of all that will have their runs when those that are selected are trained."""
        return self._with(set(self.manifests()))

    def _with(self, manifests: Collection[tuple[str, tuple[int, ...]]]) -> Plan:
        """The plan of all studies whose arms have their runs, those of `manifests` taken for trained."""

        def there(study: Study) -> bool:
            asked = [(arm.spec.arm_id, study.seeds) for arm in study.arms.values()]
            return all(
                each in manifests or self.paths.manifest(each[0], seeds_slug(each[1])).exists() for each in asked
            )

        return replace(self, studies=tuple(filter(there, self.every)))

    @property
    def outdated(self) -> tuple[Study, ...]:
        """Other studies that have been judged: their file or code has changed since, so that their runs are others."""
        shown = {study.name for study in self.studies}
        return tuple(study for study in self.every if study.name not in shown and self._judged(study.name))

    @property
    def broken_but_judged(self) -> tuple[Broken, ...]:
        """Studies that cannot be read any more, and whose verdicts are there."""
        read = {study.name for study in self.every}  # a second file of one name is broken, and the first is not
        return tuple(study for study in self.broken if study.name not in read and self._judged(study.name))

    def _judged(self, study: str) -> bool:
        return self.paths.study(study).table("claims").with_suffix(".parquet").exists()

    @property
    def decides(self) -> bool:
        """Whether its studies have as many seeds as a verdict needs."""
        return self.config.min_seeds is None and not self.config.pilot

    @cached_property
    def _arms(self) -> dict[str, ArmSpec]:
        return {arm.spec.arm_id: arm.spec for study in self.studies for arm in study.arms.values()}

    def arms(self) -> dict[str, ArmSpec]:
        """Every arm once, however many studies share it, by its id."""
        return self._arms

    def arm(self, arm_id: str) -> ArmSpec:
        """The arm of that id.

        Raises:
            UserError: if no study asks for it; so the code or a study was edited after Snakemake planned the job.
        """
        if arm_id not in self._arms:
            raise UserError(
                f"{arm_id}: no study asks for this arm; if code or a study was edited meanwhile, run snakemake again"
            )
        return self._arms[arm_id]

    @cached_property
    def whole(self) -> Plan:
        """The plan of all studies, whatever is selected."""
        return replace(self, studies=self.every)

    def manifests(self) -> list[tuple[str, tuple[int, ...]]]:
        """Each arm with each list of seeds that a study asks of it."""
        pairs = {(arm.spec.arm_id, study.seeds) for study in self.studies for arm in study.arms.values()}
        return sorted(pairs)

    def manifest_files(self) -> list[str]:
        return [str(self.paths.manifest(arm_id, seeds_slug(seeds))) for arm_id, seeds in self.manifests()]

    def seeds(self) -> dict[str, set[int]]:
        """All seeds that studies ask of each arm."""
        seeds: dict[str, set[int]] = {}
        for arm_id, asked in self.manifests():
            seeds.setdefault(arm_id, set()).update(asked)
        return seeds

    def runs(self) -> list[tuple[str, int]]:
        """Every (arm, seed) once."""
        return sorted({(arm_id, seed) for arm_id, seeds in self.manifests() for seed in seeds})

    def data(self) -> dict[str, PreparedSpec]:
        """The prepared data sets by their id."""
        specs = (spec.data.prepared() for spec in self._arms.values())
        return {spec.data_id: spec for spec in specs}

    def card(self, data: PreparedSpec) -> dict[str, Any] | None:
        """What the prepared images of a data set are, by the title that a study gives them; None while they are not
        prepared."""
        path = self.paths.data_card(data.data_id)
        if not path.exists():
            return None
        card = read_json(path)
        return {**card, "title": data.title or card["title"]}

    def run_seconds(self, arm_id: str) -> float:
        """Roughly how long a run of the arm takes, on one core of an ordinary machine."""
        return run_seconds(self._arms[arm_id])

    def seconds(self, arm_id: str, seeds: Collection[int]) -> float:
        """Roughly how long tuning the arm and training those seeds takes."""
        return self.run_seconds(arm_id) * (len(seeds) + self.tuning_runs(arm_id, seeds))

    @cached_property
    def batches(self) -> list[Batch]:
        """All arms that could be selected, by the job that trains them; the same whatever is selected."""
        seconds = {manifest: self.whole.seconds(*manifest) for manifest in self.whole.manifests()}
        on_gpu = any(arm.device == "cuda" for arm in self.whole.arms().values())
        return batches(self.every, seconds, together=on_gpu)

    def trials(self, arm_id: str, seeds: Collection[int]) -> tuple[int, float]:
        """Number of runs that tune the arm for those seeds, without extensions of the grid, and their length as a share
        of a run."""
        train = self._arms[arm_id].train
        if train.learning_rate is not None or train.epochs == 0:
            return 0, 0.0
        tuning_seeds = {tuning_seed for seed in seeds for tuning_seed in train.tune.tuning_seeds(seed)}
        return len(tuning_seeds) * len(train.tune.rates), train.tune.epochs_share

    def tuning_runs(self, arm_id: str, seeds: Collection[int]) -> float:
        """What tuning the arm for those seeds costs, in runs of it, without extensions of the grid."""
        number, share = self.trials(arm_id, seeds)
        return number * share

    def study(self, name: str) -> Study:
        return next(study for study in self.studies if study.name == name)


def make_plan(config: Config) -> Plan:
    """Read every study, check it, and keep those that `config` selects.

    A study that cannot be run as written is left out, unless it is named.

    Raises:
        UserError: for all that is wrong with a study that is named, or for what concerns all.
    """
    claims = load_claims(paths.found(paths.CLAIMS))
    resolve = resolver(*device.resolve(config.device, config.precision))
    files = [file for folder in config.study_paths for file in _study_files(folder)]
    override = config.override
    if config.pilot:
        override = override.model_copy(update={"data": override.data | {"tested": "validation"}})
    studies: list[Study] = []
    broken: list[Broken] = []
    for file in files:
        try:
            study = load_study(
                file, config.tier, claims, resolve, config.base, override, config.seeds, config.min_seeds
            )
            _refuse_namesake(study, studies)
            studies.append(study)
        except UserError as error:
            broken.append(Broken.of(file, error))
    if config.pilot:
        studies = [replace(study, seeds=tuple(FIRST_PILOT_SEED + seed for seed in study.seeds)) for study in studies]
    selected = _select(studies, broken, config.studies, claims)
    return Plan(config, selected, claims, tuple(studies), tuple(broken))


def _study_files(folder: str) -> Sequence[Path]:
    where = paths.found(Path(folder).expanduser())
    if not where.is_dir():
        raise UserError(f"study_paths: {folder}: no such folder; create it or correct the configuration")
    files = (*where.glob("*.yaml"), *where.glob("*.yml"))
    return sorted(file for file in files if not file.name.startswith("."))  # as an editor's locks do


def _refuse_namesake(study: Study, others: Sequence[Study]) -> None:
    """A second file of one name, in another folder or of another suffix."""
    for other in others:
        if other.name == study.name:
            raise UserError(f"{study.path}: study: '{study.name}' is the name of {other.path} too; rename one")


def _select(
    studies: Sequence[Study], broken: Sequence[Broken], selection: str | tuple[str, ...], claims: ClaimRegistry
) -> tuple[Study, ...]:
    """`all`, `core`, or whatever bears one of the names or tests one of the claims."""
    if selection == "all":
        return tuple(studies)
    if selection == "core":
        return tuple(study for study in studies if study.core)
    wanted = (selection,) if isinstance(selection, str) else selection
    mistakes = Mistakes()
    for study in broken:
        if {study.name, *study.claims} & set(wanted):
            mistakes.lines |= dict.fromkeys(study.error.lines)
    mistakes.refuse()
    names = {study.name for study in studies}
    ids = {claim.id for study in studies for claim in study.claims}
    for name in wanted:
        if name not in names | ids:
            problem = f"no study tests {name} yet" if claims.get(name) else f"no study or claim '{name}'"
            raise UserError(f"studies: {problem}; {nearest(name, {*names, *ids, 'all', 'core'}, 'cnnlab list')}")
    return tuple(
        study for study in studies if study.name in wanted or any(claim.id in wanted for claim in study.claims)
    )


def options(plan: Plan) -> str:
    """`` --configfile …`` of a tier other than the default, and of a pilot."""
    names = [*([plan.config.tier] if plan.config.tier != "quick" else []), *(["pilot"] if plan.config.pilot else [])]
    return "".join(f" --configfile {paths.CONFIGS / name}.yaml" for name in names)


def run(plan: Plan, studies: str | Sequence[str], to_decide: bool = False) -> str:
    """How to run `studies`: ``all``, ``core``, or names of studies and ids of claims; `to_decide`, at the default tier
    where that of `plan` decides nothing."""
    chosen = studies if isinstance(studies, str) else ",".join(studies)
    selection = "" if chosen == "all" else f" --config {shlex.quote(f'studies={chosen}')}"
    return f"snakemake --cores 4 --resources gpu=1{options(plan) if plan.decides or not to_decide else ''}{selection}"


@dataclass(frozen=True)
class ArmMembership:
    """How an arm is called (the first study that asks for it, and its label there), all studies that do, and the claims
    whose primary contrast it takes part in."""

    label: str
    studies: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()

    @property
    def tags(self) -> dict[str, str]:
        """One tag for each membership, so that MLflow can filter by any of them, and lists of them to be read."""
        named = [*(f"study.{study}" for study in self.studies), *(f"claim.{claim}" for claim in self.claims)]
        lists = {"studies": ", ".join(self.studies), "claims": ", ".join(self.claims)}
        shown = {name: text for name, text in lists.items() if text}
        return {"arm": self.label, **shown, **dict.fromkeys(named, "true")}


def memberships(plan: Plan) -> dict[str, ArmMembership]:
    """By arm id. An arm that several studies share bears the name and the label of the first."""
    arms: dict[str, ArmMembership] = {}
    for study in plan.studies:
        for arm in study.arms.values():
            claims = {
                claim.id for claim in study.claims if any(arm.name in contrast.contrast for contrast in claim.requires)
            }
            so_far = arms.get(arm.spec.arm_id, ArmMembership(f"{study.name}: {arm.label}"))
            arms[arm.spec.arm_id] = ArmMembership(
                so_far.label, tuple(sorted({*so_far.studies, study.name})), tuple(sorted(claims.union(so_far.claims)))
            )
    return arms


def figures_of(plan: Plan) -> Mapping[str, list[Path]]:
    """By arm id, the PNG figures of the studies it belongs to, as far as they are drawn."""
    drawn = {study.name: sorted((plan.paths.figures / study.name).glob("*.png")) for study in plan.studies}
    return {
        arm_id: [figure for study in membership.studies for figure in drawn[study]]
        for arm_id, membership in memberships(plan).items()
    }
