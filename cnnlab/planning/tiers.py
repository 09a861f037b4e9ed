"""Where the other tiers keep their verdicts: what has been run at several tiers is shown side by side."""

from __future__ import annotations

from pathlib import Path

from cnnlab.core import paths
from cnnlab.core.paths import Paths
from cnnlab.planning.config import Config, load_config
from cnnlab.planning.published import load_published

RUN = ("arms", "runs")  # the tables that say what has been run of what is in print


def elsewhere(config: Config) -> dict[str, Paths]:
    """The other tiers of ``workflow/config`` whose verdicts have been made, by name.

    A tier that asks for fewer seeds than decide a claim, as the smoke tier, has nothing to say, and nothing is said to
    it.
    """
    if config.min_seeds is not None:
        return {}
    others = {tier: other for tier, other in _configs().items() if other.min_seeds is None and tier != config.tier}
    return {tier: other.paths for tier, other in others.items() if claims_file(other.paths).exists()}


def run_again(config: Config) -> dict[str, Paths]:
    """The tiers at which something in print has been done again, this one among them, by name."""
    asked = {figure.tier for figure in load_published()}
    places = {tier: other.paths for tier, other in _configs().items() if tier in asked}
    places |= {config.tier: config.paths} if config.tier in asked else {}
    return {tier: where for tier, where in places.items() if all(file.exists() for file in _run_files(where))}


def _configs() -> dict[str, Config]:
    configs = [load_config([file]) for file in sorted(paths.found(paths.CONFIGS).glob("*.yaml"))]
    return {config.tier: config for config in configs if not config.pilot}


def _run_files(where: Paths) -> list[Path]:
    return [where.table(name).with_suffix(".parquet") for name in RUN]


def files(config: Config) -> list[str]:
    """The tables that are read; those of this tier are inputs of the page anyway."""
    others = [where for tier, where in run_again(config).items() if tier != config.tier]
    verdicts = [claims_file(where) for where in elsewhere(config).values()]
    return list(map(str, verdicts + [file for where in others for file in _run_files(where)]))


def claims_file(where: Paths) -> Path:
    return where.table("claims").with_suffix(".parquet")
