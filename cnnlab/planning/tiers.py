"""Where the other tiers keep their verdicts: what has been run at several tiers is shown side by side."""

from __future__ import annotations

from pathlib import Path

from cnnlab.core import paths
from cnnlab.core.paths import Paths
from cnnlab.planning.config import Config, load_config


def elsewhere(config: Config) -> dict[str, Paths]:
    """The other tiers of ``workflow/config`` whose verdicts have been made, by name.

    A tier that asks for fewer seeds than decide a claim, as the smoke tier, has nothing to say, and nothing is said to
    it.
    """
    if config.min_seeds is not None:
        return {}
    others = [load_config([file]) for file in sorted(paths.CONFIGS.glob("*.yaml"))]
    decisive = [other for other in others if other.min_seeds is None and other.tier != config.tier]
    return {other.tier: other.paths for other in decisive if claims_file(other.paths).exists()}


def files(config: Config) -> list[str]:
    """The tables that `read` reads."""
    return [str(claims_file(where)) for where in elsewhere(config).values()]


def claims_file(where: Paths) -> Path:
    return where.table("claims").with_suffix(".parquet")
