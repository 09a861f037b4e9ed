"""What the rules do not promise is measured, and docs/statistics.md has it from here.

``pytest -s tests/unit/test_calibration_document.py`` prints its tables.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cnnlab.analysis.reasons import SURE, most_unseen
from tests.calibration import failing, skewed, tuned
from tests.calibration.rates import ERRORS, STUDIES

TEXT = Path("docs/statistics.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("simulated", [failing, skewed, tuned], ids=["failing", "skewed", "tuned"])
def test_its_tables_are_those_of_the_simulation(simulated: ModuleType) -> None:
    table = simulated.table()
    print("", table, sep="\n")
    assert table in TEXT, "put the table that is printed into docs/statistics.md"


@pytest.mark.parametrize("n", failing.SEEDS)
def test_a_failure_rate_that_is_said_to_be_open_goes_unseen_in_a_study_of_20(n: int) -> None:
    found = failing.said(n, most_unseen(n))
    leeway = ERRORS * np.sqrt(SURE * (1 - SURE) / STUDIES)
    assert found["*equivalent*, none seen"].rate == pytest.approx(SURE, abs=leeway)


def test_where_one_arm_alone_is_skewed_one_side_errs_and_the_other_does_not() -> None:
    """Were the first no longer so, the document would warn of nothing."""
    for n in skewed.SEEDS:
        for spread in skewed.SPREADS[1:]:
            above, below = skewed.beyond(skewed.students_t(skewed.drawn(n, spread)))
            assert above < 0.025 < 0.05 < below
