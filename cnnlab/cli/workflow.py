"""What the Snakefile asks of the plan: files, hashes that make a rule run again, and flags of steps.

Imports neither torch nor pandas. Files are input of a rule where each byte counts; what else it depends on is
a parameter: of its code the statements, and of a study what the step makes of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cnnlab.cli import progress
from cnnlab.core import paths
from cnnlab.core.errors import UserError
from cnnlab.core.validation import digest
from cnnlab.planning import config as configuration
from cnnlab.planning import device, fingerprint, model_registry, tiers
from cnnlab.planning.figure_choice import NETWORKS, pictured
from cnnlab.planning.plan import Plan, make_plan, memberships
from cnnlab.planning.studies.study import Study

LOCK = "requirements.lock"
ASSETS = {".j2", ".css", ".js"}


class Rules:
    """The plan of this call, as files and hashes.

    A user's mistake ends the program with one line: Snakemake would show a traceback.
    """

    lock = LOCK
    claims = str(paths.CLAIMS)

    def __init__(self, merged: Mapping[str, Any], configfiles: Iterable[str | Path]) -> None:
        try:
            stated = _with_device(merged)
            self._flags = configuration.flags(stated, configfiles)
            self.plan: Plan = make_plan(configuration.from_mapping(stated))
        except UserError as error:
            sys.exit(f"error: {error}")

    # Files.

    def path(self, pattern: str) -> str:
        """A path below the tier's results; wildcards stay."""
        return f"{self.plan.config.results}/{pattern}"

    def tables(self, *names: str) -> list[str]:
        return [f"{self.plan.paths.table(name)}.{suffix}" for name in names for suffix in ("csv", "parquet")]

    def card(self, arm_id: str) -> str:
        return str(self.plan.paths.data_card(self.plan.arm(arm_id).data.data_id))

    @property
    def manifests(self) -> list[str]:
        return self.plan.manifest_files()

    @property
    def studies(self) -> list[str]:
        return [str(study.path) for study in self.plan.studies]

    @property
    def figures(self) -> list[str]:
        where = self.plan.paths
        return [
            str(where.figure(study.name, name, suffix))
            for study in self.plan.studies
            for name in study.figures
            for suffix in ("svg", "png")
        ]

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
        """The verdicts of other tiers, which the report shows beside its own."""
        return tiers.files(self.plan.config)

    @property
    def report(self) -> str:
        return str(self.plan.paths.report)

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

    def listing(self, data_id: str) -> str:
        """Names, sizes and times of the images of a folder; nothing for a data set that is known by name."""
        return self.plan.data()[data_id].source.listing

    def reader(self, data_id: str) -> str:
        """The code that prepares a data set; what reads its images is imported by no name."""
        return self.code("cnnlab.data.prepare", self.plan.data()[data_id].source.module)

    @property
    def collected(self) -> str:
        """What tables of runs say of the studies: their arms, labels and seeds, and the arms of each claim."""
        return digest([_collected(study) for study in self.plan.studies])

    @property
    def compared(self) -> str:
        """What verdicts depend on: also metrics, contrasts and margins, and the number of claims in the ledger."""
        registered = [claim.model_dump() for claim in self.plan.claims.claims]
        return digest([registered, *map(self._judged, self.plan.studies)])

    @property
    def drawn(self) -> str:
        """What figures depend on, beside tables: also titles and the kinds of figures."""
        return digest([[_collected(study), self._judged(study), _drawn(study)] for study in self.plan.studies])

    def _judged(self, study: Study) -> list[Any]:
        """Of the words of a claim, its statement alone is in a table: the registry's, its own, or the question."""
        claims = [claim.model_dump(exclude={"against"}) for claim in study.claims]
        own = [claim for claim in study.claims if claim.statement is None and self.plan.claims.get(claim.id) is None]
        arms = [[arm.name, arm.spec.arm_id] for arm in study.arms.values()]
        secondary = [contrast.model_dump() for contrast in study.secondary]
        return [study.name, arms, study.seeds, claims, secondary, study.question if own else None, study.source.chapter]

    @property
    def membership(self) -> str:
        """The labels, studies and claims of every arm: what MLflow shows as tags."""
        arms = memberships(self.plan)
        return digest({arm_id: [arm.label, arm.studies, arm.claims] for arm_id, arm in arms.items()})

    @property
    def arm_ids(self) -> str:
        return digest(sorted(self.plan.arms()))

    @property
    def networks(self) -> str:
        """The code of every architecture on the search path, its declaration included."""
        return fingerprint.statements(each.path for each in model_registry.architectures().values())

    def fingerprint(self, architecture: str) -> str:
        """The code that trains the architecture."""
        return fingerprint.fingerprint(architecture)

    # Flags and resources.

    def flags(self, keep: str = "") -> str:
        """How a step is told this call's configuration.

        Steps of one arm look it up among all studies, so that another selection does not run them again; the others
        keep the selection: ``flags(keep="studies")``.
        """
        chosen = dict(self._flags)
        if keep != "studies":
            chosen["studies"] = "" if not self._flags["configfile"] else "--config studies=all"
        return " ".join(option for option in chosen.values() if option)

    @property
    def gpu(self) -> int:
        return int(any(arm.device == "cuda" for arm in self.plan.arms().values()))

    def priority(self, arm_id: str) -> int:
        """Long arms first."""
        return int(self.plan.weight(arm_id))

    def start(self, jobs: int) -> str:
        return progress.start(self.plan, jobs)


def _with_device(merged: Mapping[str, Any]) -> dict[str, Any]:
    """With the device and precision that ``auto`` stands for here: jobs are told them, and find nothing else out."""
    config = configuration.from_mapping(merged)
    on, precision = device.resolve(config.device, config.precision)
    return {**merged, "device": on, "precision": precision}


def _collected(study: Study) -> list[Any]:
    arms = [[arm.name, arm.label, arm.spec.arm_id] for arm in study.arms.values()]
    claims = [
        [claim.id, claim.part, sorted({arm for contrast in claim.requires for arm in contrast.contrast})]
        for claim in study.claims
    ]
    return [study.name, arms, list(study.seeds), claims]


def _drawn(study: Study) -> list[Any]:
    matrix = study.matrix
    cells = (
        []
        if matrix is None
        else [matrix.families, matrix.switches, sorted([*key, why] for key, why in matrix.refused.items())]
    )
    return [study.title, study.figures, study.labels, cells]
