"""What other tiers found: their verdicts, and their runs of what is in print."""

from __future__ import annotations

import pandas as pd

from cnnlab.analysis.tables import io, published
from cnnlab.analysis.tables.frames import Tables
from cnnlab.planning.config import Config
from cnnlab.planning.published import load_published
from cnnlab.planning.tiers import RUN, elsewhere, run_again


def read(config: Config) -> dict[str, pd.DataFrame]:
    """The table ``tiers``, rows of ``claims`` of the other tiers with the tier's name, if there are any; and the table
    ``published``."""
    tables = {tier: io.read(where.table("claims")) for tier, where in elsewhere(config).items()}
    frames = [frame.assign(tier=tier) for tier, frame in tables.items() if frame is not None]
    found = {tier: Tables(io.read_tables(where, *RUN)) for tier, where in run_again(config).items()}
    in_print = {"published": io.table("published", published.rows(load_published(), found))}
    return in_print | ({"tiers": pd.concat(frames, ignore_index=True)} if frames else {})
