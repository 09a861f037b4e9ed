"""Where the other tiers keep their verdicts: what has been run at several tiers is shown side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab.core import paths
from cnnlab.core.paths import Paths
from cnnlab.planning.config import Config, load_config

if TYPE_CHECKING:
    import pandas as pd


def elsewhere(config: Config) -> dict[str, Paths]:
    """The other tiers of ``workflow/config`` whose verdicts have been made, by name.

    A tier that asks for fewer seeds than decide a claim, as the smoke tier, has nothing to say, and nothing is said to
    it.
    """
    if config.min_seeds is not None:
        return {}
    others = [load_config([file]) for file in sorted(paths.CONFIGS.glob("*.yaml"))]
    found = {other.tier: other.paths for other in others if other.min_seeds is None and other.tier != config.tier}
    return {tier: where for tier, where in found.items() if _claims(where).exists()}


def files(config: Config) -> list[str]:
    """The tables that `read` reads."""
    return [str(_claims(where)) for where in elsewhere(config).values()]


def read(config: Config) -> dict[str, pd.DataFrame]:
    """The table ``tiers``: rows of ``claims`` of the other tiers, with the tier's name; nothing if there are none."""
    import pandas as pd

    from cnnlab.analysis import tables

    known = {tier: tables.read(where.table("claims")) for tier, where in elsewhere(config).items()}
    frames = [frame.assign(tier=tier) for tier, frame in known.items() if frame is not None]
    return {"tiers": pd.concat(frames, ignore_index=True)} if frames else {}


def _claims(where: Paths) -> Path:
    return where.table("claims").with_suffix(".parquet")
