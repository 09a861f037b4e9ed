"""The verdicts of other tiers, as one table."""

from __future__ import annotations

import pandas as pd

from cnnlab.analysis.tables import io
from cnnlab.planning.config import Config
from cnnlab.planning.tiers import elsewhere


def read(config: Config) -> dict[str, pd.DataFrame]:
    """The table ``tiers``: rows of ``claims`` of the other tiers, with the tier's name; nothing if there are none."""
    tables = {tier: io.read(where.table("claims")) for tier, where in elsewhere(config).items()}
    frames = [frame.assign(tier=tier) for tier, frame in tables.items() if frame is not None]
    return {"tiers": pd.concat(frames, ignore_index=True)} if frames else {}
