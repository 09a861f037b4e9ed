"""What the Snakefile asks of the plan: files, hashes that make a rule run again, and flags of steps.

Imports neither torch nor pandas. Files are input of a rule where each byte counts; what else it depends on is
a parameter: of its code the statements, and of a study what the step makes of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnlab import tracking
from cnnlab.cli import progress
from cnnlab.core import paths
from cnnlab.core.errors import UserError
from cnnlab.core.git import folder_state
from cnnlab.core.paths import Paths
from cnnlab.core.validation import digest
from cnnlab.planning import config as configuration
from cnnlab.planning import device, fingerprint, model_registry, tiers
from cnnlab.planning.batches import Batch, selected
from cnnlab.planning.plan import Plan, make_plan, memberships
from cnnlab.planning.published import load_published
from cnnlab.planning.specs import seeds_slug
from cnnlab.planning.studies.claims import Claim
from cnnlab.planning.studies.figure_choice import IMAGES, NETWORKS, kinds, pictured, shows_cost, tables_beside
from cnnlab.planning.studies.lock import lock_path
from cnnlab.planning.studies.study import Study
from cnnlab.report.bibliography import REFERENCES, load_references

ASSETS = {".j2", ".css", ".js"}
COMPARED = ("contrasts", "claims", "robustness", "measured/contrasts")


@dataclass(frozen=True)
class Job:
    """A batch of arms, as a rule."""

    name: str
    log: str
    cards: list[str]
    manifests: list[str]
    priority: int


class Rules:
    """The plan of this call, as files and hashes: `plan` is what it trains; tables, figures and report are of all that
    is trained then, `shown`, whichever call did it.

    A user's mistake ends the program with a line for each: Snakemake would show a traceback. A study or a network that
    cannot be read is left out with a warning, which is repeated at the end.
    """

    def __init__(self, merged: Mapping[str, Any], configfiles: Iterable[str | Path]) -> None:
        try:
            files = list(configfiles)
            stated = _with_device(configuration.complete(merged), files)
            self._flags = configuration.flags(stated, files)
            self._usual = configuration.complete({})["studies"]
            self.plan: Plan = make_plan(configuration.from_mapping(stated))
            self.plan.refuse_if_nothing_is_left()
            self.shown = self.plan.to_show
            load_published()  # whose mistakes are a user's too
            load_references()
            self._tiers = tiers.files(self.plan.config)
        except UserError as error:
            sys.exit(error.told)
        for line in self.plan.warnings:
            print(line, file=sys.stderr, flush=True)

    # Files.

    @property
    def lock(self) -> str:
        """The versions of what is installed."""
        return str(paths.shipped(paths.LOCK))

    @property
    def claims(self) -> list[str]:
        """The ledger, if the project has one."""
        return _existing(paths.CLAIMS)

    def path(self, pattern: str) -> str:
        """A path below the tier's results; wildcards stay."""
        return f"{self.plan.paths.results}/{pattern}"

    def tables(self, *names: str) -> list[str]:
        return [path for name in names for path in self._files(self.plan.paths, name)]

    def csv(self, *names: str) -> list[str]:
        return [path for path in self.tables(*names) if path.endswith(".csv")]

    def parquet(self, *names: str) -> list[str]:
        return [path for path in self.tables(*names) if path.endswith(".parquet")]

    def _files(self, paths: Paths, table: str) -> list[str]:
        return [f"{paths.table(table)}.{suffix}" for suffix in ("csv", "parquet")]

    @property
    def batches(self) -> list[Job]:
        """The jobs that train what is selected. What they read and how they are told does not hang on the selection:
        another one would train again."""
        chosen = selected(self.plan.batches, self.plan.manifests())
        first = self._first_verdict([batch for batch, _ in chosen])
        return [
            Job(
                name=f"train_{batch.name}",
                log=self.path(f"logs/train/{batch.name}.log"),
                cards=sorted({self._card(arm_id) for arm_id, _ in batch.manifests}),
                manifests=[str(self.plan.paths.manifest(arm_id, seeds_slug(seeds))) for arm_id, seeds in manifests],
                # First a verdict that is soon to be had; then the longest, so that cores idle least.
                priority=int(batch.seconds) + (10_000 if batch in first else 0),
            )
            for batch, manifests in chosen
        ]

    def _first_verdict(self, batches: Sequence[Batch]) -> list[Batch]:
        """Those that the study needs whose claims are judged soonest."""
        judged = [set(self.plan.only(study.name).manifests()) for study in self.plan.studies if study.claims]
        needed = [[batch for batch in batches if wanted & set(batch.manifests)] for wanted in judged]
        return min(needed, key=lambda some: sum(batch.seconds for batch in some), default=[])

    def _card(self, arm_id: str) -> str:
        return str(self.plan.paths.data_card(self.plan.whole.arm(arm_id).data.data_id))

    @property
    def manifests(self) -> list[str]:
        return self.shown.manifest_files()

    def manifests_of(self, study: str) -> list[str]:
        return self.shown.only(study).manifest_files()

    def compared_tables(self, study: str) -> list[str]:
        """What one study says of its claims."""
        return [str(path) for name in COMPARED for path in self._files(self.plan.paths.study(study), name)]

    def mirrored_table(self, study: str) -> list[str]:
        """The ids of a study's runs in MLflow."""
        return self._files(self.plan.paths.study(study), "measured/mlflow")

    @property
    def all_mirrored(self) -> list[str]:
        return [path for study in self.shown.studies for path in self.mirrored_table(study.name)]

    @property
    def all_compared(self) -> list[str]:
        return [path for study in self.shown.studies for path in self.compared_tables(study.name)]

    @property
    def studies(self) -> list[str]:
        return [str(study.path) for study in self.shown.studies]

    @property
    def study_locks(self) -> list[str]:
        """What is locked of them."""
        return [str(path) for path in map(lock_path, self.shown.studies) if path.exists()]

    @property
    def figures(self) -> list[str]:
        return [path for study in self.shown.studies for path in self.figures_of(study.name)]

    def figures_of(self, study: str) -> list[str]:
        names = self.shown.study(study).figures
        return [str(self.plan.paths.figure(study, name, suffix)) for name in names for suffix in ("svg", "png")]

    def labels(self, figure: str) -> dict[str, str]:
        """What a figure is, where `snakemake --report` lists it."""
        return {"figure": kinds()[Path(figure).stem].title}

    def tables_beside(self, study: str) -> list[str]:
        """What its figures show beside its own runs."""
        return self.tables(*tables_beside(self.shown.study(study)))

    @property
    def measures(self) -> bool:
        """Whether a clock measures, while nothing else runs, what networks cost: where a study that is selected
        compares that, or one that is shown has nothing measured. Others need not wait for it."""
        missing = not all(Path(file).exists() for file in self.measured)
        return missing or any(map(shows_cost, self.plan.studies))

    @property
    def measured(self) -> list[str]:
        """What it measures now, or did in an earlier call."""
        asked = any(map(shows_cost, self.shown.studies))
        return self.tables("measured/cost", "measured/throughput") if asked else []

    @property
    def network_figures(self) -> list[str]:
        """The pictures on the cards of the networks."""
        where = self.plan.paths
        return [
            str(where.figure(NETWORKS, f"{name}-{preset}", "svg"))
            for name, architecture in model_registry.architectures().items()
            for preset in pictured(architecture.presets)
        ]

    @property
    def elsewhere(self) -> list[str]:
        """What is in print, what is cited, and what other tiers found, which the report shows beside its own."""
        cited = paths.shipped(REFERENCES)
        return [*_existing(paths.PUBLISHED), *([str(cited)] if cited.exists() else []), *self._tiers]

    @property
    def report(self) -> str:
        return str(self.plan.paths.report)

    @property
    def throughput(self) -> list[str]:
        """The script that measures the throughput, then what it is made of."""
        names = ("throughput", "task", "workers", "peers/ours", "peers/textbook")
        return [str(paths.shipped(Path(f"benchmarks/{name}.py"))) for name in names]

    @property
    def assets(self) -> list[str]:
        """Templates, styles and scripts of the page: not a byte of them is left out of it."""
        folder = fingerprint.PACKAGE / "report"
        files = sorted(path for path in folder.rglob("*") if path.suffix in ASSETS)
        # Relative where that is the project, as Snakemake likes its paths.
        return [str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path) for path in files]

    # Hashes.

    def code(self, *modules: str) -> str:
        """The statements of `modules` and of all that they import, by stage."""
        return fingerprint.code(*modules)

    def figure_code(self, study: str) -> str:
        """What draws the figures of a study: those that it has, and no other."""
        drawn = [f"cnnlab.figures.{name}" for name in self.shown.study(study).figures]
        return self.code("cnnlab.analysis.tables.recorded", "cnnlab.figures.__init__", *drawn)

    def listing(self, data_id: str) -> str:
        """Names, sizes and times of the images of a folder; nothing for a data set that is known by name."""
        return self.plan.whole.data()[data_id].source.listing

    def reader(self, data_id: str) -> str:
        """The code that prepares a data set; what reads its images is imported by no name."""
        return self.code("cnnlab.data.prepare", self.plan.whole.data()[data_id].source.module)

    @property
    def collected(self) -> str:
        """What tables of runs say of the studies: their arms, labels and seeds, and the arms of each claim."""
        return digest([_collected(study) for study in self.shown.studies])

    @property
    def registered(self) -> str:
        """The claims of the ledger, and the names of the studies; of those that have changed since they were judged,
        also what they still test."""
        outdated = [[study.name, [(claim.id, claim.part) for claim in study.claims]] for study in self.shown.outdated]
        outdated += [[study.name] for study in self.shown.broken_but_judged]
        return digest([[_listed(claim) for claim in self.plan.claims.claims], self.studies, outdated])

    @property
    def committed(self) -> str:
        """What git knows of the studies and their locks: the page says which commits fixed them."""
        return digest([folder_state(folder) for folder in sorted({study.path.parent for study in self.shown.studies})])

    def compared(self, name: str) -> str:
        """What the verdicts of a study depend on: metrics, contrasts and margins, and its claims in the ledger."""
        study = self.shown.study(name)
        ids = [claim.id for claim in study.claims]
        listed = [_listed(claim) for claim in map(self.plan.claims.get, ids) if claim]
        return digest([listed, self.plan.claims.empirical_parts, self._judged(study)])

    def drawn(self, name: str) -> str:
        """What the figures of a study depend on, beside tables: also titles and the kinds of figures."""
        study = self.shown.study(name)
        return digest([_collected(study), self._judged(study), _drawn(study)])

    def _judged(self, study: Study) -> list[Any]:
        """Of the words of a claim, its statement alone is in a table: the registry's, its own, or the question."""
        claims = [claim.model_dump(exclude={"against", "ledger"}) for claim in study.claims]
        own = [claim for claim in study.claims if claim.statement is None and self.plan.claims.get(claim.id) is None]
        arms = [[arm.name, arm.spec.arm_id] for arm in study.arms.values()]
        secondary = [contrast.model_dump() for contrast in study.secondary]
        return [study.name, arms, study.seeds, claims, secondary, study.question if own else None, study.source.chapter]

    def membership(self, study: str) -> str:
        """The labels, studies and claims of the arms of a study, tags in MLflow, and the views of their claims."""
        arms, own = memberships(self.plan.whole), self.shown.only(study).arms()
        views = {name: view.tag(0) for name, view in tracking.saved_views(self.plan.whole, own).items()}
        tags = {arm_id: [arms[arm_id].label, arms[arm_id].studies, arms[arm_id].claims] for arm_id in own}
        return digest([tags, views])

    @property
    def costed(self) -> str:
        """The arms whose cost is measured."""
        return digest(
            sorted(arm.spec.arm_id for study in self.shown.studies if shows_cost(study) for arm in study.arms.values())
        )

    @property
    def cost_flags(self) -> str:
        return self.flags(filter(shows_cost, self.shown.studies))

    @property
    def networks(self) -> str:
        """The code of every architecture on the search path, its declaration included."""
        return fingerprint.statements(each.path for each in model_registry.architectures().values())

    def fingerprint(self, architecture: str) -> str:
        """The code that trains the architecture."""
        return fingerprint.fingerprint(architecture)

    # Flags and resources.

    def flags(self, studies: Iterable[Study] = ()) -> str:
        """How a step is told this call's configuration, but for what is selected: it looks at `studies`, or at all, so
        that another selection does not run it again."""
        chosen = dict(self._flags)
        names = ",".join(study.name for study in studies) or "all"
        said = names == self._usual == "all" and not self._flags["configfile"]
        chosen["studies"] = "" if said else f"--config studies={names}"
        return " ".join(option for option in chosen.values() if option)

    @property
    def gpu(self) -> int:
        return int(any(arm.device == "cuda" for arm in self.plan.arms().values()))

    # What the terminal says.

    def start(self, cores: int | None) -> str:
        """`cores` of this machine, each for a job; a GPU takes one at a time."""
        return progress.start(self.plan, 1 if self.gpu else cores)

    def done(self) -> str:
        opened = f"cnnlab: done. Open {self.report}, or run `cnnlab ui`."
        return "\n".join([*progress.summary(self.plan.paths), opened, *self.plan.warnings])

    def leave(self) -> None:
        """End with status 1 if not all that was asked for could be done: a study of it cannot be read."""
        asked = self.plan.config.studies
        if any(asked == "all" or (asked == "core" and study.core) for study in self.plan.broken):
            sys.exit(1)


def _with_device(merged: Mapping[str, Any], files: Iterable[str | Path]) -> dict[str, Any]:
    """With the device and precision that ``auto`` stands for here: jobs are told them, and find nothing else out."""
    config = configuration.from_mapping(merged, files)
    on, precision = device.resolve(config.device, config.precision)
    return {**merged, "device": on, "precision": precision}


def _listed(claim: Claim) -> dict[str, Any]:
    """What tables say of a claim of the ledger."""
    return claim.model_dump(exclude={"studies"})


def _existing(path: Path) -> list[str]:
    return [str(paths.found(path))] if paths.found(path).exists() else []


def _collected(study: Study) -> list[Any]:
    arms = [[arm.name, arm.label, arm.spec.arm_id] for arm in study.arms.values()]
    claims = [
        [claim.id, claim.part, sorted({arm for contrast in claim.requires for arm in contrast.contrast})]
        for claim in study.claims
    ]
    return [study.name, arms, list(study.seeds), claims, IMAGES in study.figures]


def _drawn(study: Study) -> list[Any]:
    matrix = study.matrix
    cells = (
        []
        if matrix is None
        else [matrix.families, matrix.switches, sorted([*key, why] for key, why in matrix.refused.items())]
    )
    return [study.title, study.figures, study.labels, cells]
