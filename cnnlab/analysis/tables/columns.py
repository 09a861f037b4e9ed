"""The columns of every table: type, unit, and meaning. `cnnlab list --columns` prints them.

Each table's columns stand in the file that makes its rows.
"""

from __future__ import annotations

import pandera.pandas as pa

from cnnlab.analysis import robustness
from cnnlab.analysis.tables import classes, contrasts, curves, images, measured, networks, published, runs

MODULES = (runs, curves, classes, images, contrasts, robustness, networks, published, measured)
_tables = [table for module in MODULES for table in module.COLUMNS.items()]
# What a clock measured comes last.
TABLES: dict[str, pa.DataFrameSchema] = dict(sorted(_tables, key=lambda table: table[0].startswith("measured/")))
