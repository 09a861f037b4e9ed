"""What the Snakefile asks of the plan: names of files and flags of steps. Imports neither torch nor pandas."""

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
from cnnlab.planning import dependencies, model_registry, tiers
from cnnlab.planning.figure_choice import NETWORKS, pictured
from cnnlab.planning.fingerprint import fingerprint
from cnnlab.planning.plan import Plan, make_plan, memberships


class Rules:
    """The plan of this call, as files.

    A user's mistake ends the program with one line: Snakemake would show a traceback.
    """

    def __init__(self, merged: Mapping[str, Any], configfiles: Iterable[str | Path]) -> None:
        try:
            self._flags = configuration.flags(merged, configfiles)
            self.plan: Plan = make_plan(configuration.from_mapping(merged))
        except UserError as error:
            sys.exit(f"error: {error}")
        self.lock = "requirements.lock"
        self.claims = str(paths.CLAIMS)
        self.manifests = self.plan.manifest_files()
        self.arm_ids = sorted(self.plan.arms())
        self.report = str(self.plan.paths.report)
        self.studies = [str(study.path) for study in self.plan.studies]
        self.gpu = int(any(arm.device == "cuda" for arm in self.plan.arms().values()))

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
            for name, found in model_registry.architectures().items()
            for preset in pictured(found.presets)
        ]

    @property
    def elsewhere(self) -> list[str]:
        """The verdicts of other tiers, which the report shows beside its own."""
        return tiers.files(self.plan.config)

    def path(self, pattern: str) -> str:
        """A path below the tier's results; wildcards stay."""
        return f"{self.plan.config.results}/{pattern}"

    def tables(self, *names: str) -> list[str]:
        return [f"{self.plan.paths.table(name)}.{suffix}" for name in names for suffix in ("csv", "parquet")]

    def sources(self, *modules: str) -> list[str]:
        return sorted({file for module in modules for file in dependencies.sources(module)})

    def card(self, arm_id: str) -> str:
        return str(self.plan.paths.data_card(self.plan.arm(arm_id).data.data_id))

    def listing(self, data_id: str) -> str:
        """Names, sizes and times of the images of a folder; nothing for a data set that is known by name."""
        return self.plan.data()[data_id].source.listing

    def reader(self, data_id: str) -> list[str]:
        """The files that read the images of a data set; no module imports them by name."""
        return dependencies.sources(self.plan.data()[data_id].source.module)

    @property
    def membership(self) -> str:
        """A hash of the labels, studies and claims of every arm: what MLflow shows as tags."""
        found = memberships(self.plan)
        return digest({arm_id: [each.label, each.studies, each.claims] for arm_id, each in found.items()})

    def fingerprint(self, architecture: str) -> str:
        """Of the code that trains the architecture: as a parameter, it makes a rule run again when that changes."""
        return fingerprint(architecture)

    @property
    def networks(self) -> str:
        """A hash of the code of every architecture on the search path, and of what it declares."""
        found = model_registry.architectures()
        return digest({name: [fingerprint(name), each.title, each.paper] for name, each in found.items()})

    def priority(self, arm_id: str) -> int:
        """Long arms first."""
        return int(self.plan.weight(arm_id))

    def flags(self, *also: str) -> str:
        """How a step is told this call's configuration.

        Steps of one arm look it up among all studies, so that another selection does not run them again; the others
        name the key ``studies`` in `also`.
        """
        chosen = dict(self._flags)
        if "studies" not in also:
            chosen["studies"] = "" if not self._flags["configfile"] else "--config studies=all"
        return " ".join(option for option in chosen.values() if option)

    def start(self, jobs: int) -> str:
        return progress.start(self.plan, jobs)
