"""The matrix: every cell has its number or says why not, on one scale that all cells share."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import lxml.etree
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlab import figures
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.figures.drawing import effect_cell
from cnnlab.figures.drawing.effect_cell import Scale
from cnnlab.planning.plan import Plan
from cnnlab.wording import matrix_cells
from cnnlab.wording.numbers import Quantity
from tests import report_samples

Frames = dict[str, pd.DataFrame]
STUDIES = ("matrix",)


def texts(plan: Plan, frames: Frames, folder: Path) -> list[str]:
    """What is written in the figure, in order, without its title and alt text."""
    figures.save(figures.draw(plan.studies[0], frames)["matrix"], folder / "matrix", "x")
    root = lxml.etree.parse(str(folder / "matrix.svg"))
    return [str(text) for text in root.xpath("//*[local-name() = 'text']/text()")]


def test_every_cell_shows_its_number_how_far_it_is_or_why_not(plan: Plan, frames: Frames, tmp_path: Path) -> None:
    written = texts(plan, frames, tmp_path)
    matrix = plan.studies[0].matrix
    assert matrix
    cells = frames["contrasts"].query("metric == 'test_error'")
    complete = cells[cells["n"] == cells["n_planned"]]
    for _, row in complete.iterrows():
        shown = Quantity(row["estimate"], row["low"], row["high"])
        assert shown.value in written
        assert (shown.interval or "no bound") in written
    assert written.count("3 of 5 seeds") == len(cells) - len(complete) == 3
    assert sum(text.startswith("not applicable") for text in written) == len(matrix.refused)
    assert len(cells) + len(matrix.refused) == len(matrix.families) * len(matrix.switches)


def test_each_reason_is_written_out_once_beneath(plan: Plan, frames: Frames, tmp_path: Path) -> None:
    written = texts(plan, frames, tmp_path)
    running = " ".join(written)
    matrix = plan.studies[0].matrix
    assert matrix
    reasons = {(switch, reason) for (_, switch), reason in matrix.refused.items()}
    for switch in {switch for switch, _ in reasons}:  # one note for each, without letters to look up
        assert running.count(f"{matrix.switches[switch]}, not in ") == 1
    assert running.count(", not in ") == len({switch for switch, _ in reasons})
    for _, reason in reasons:
        assert running.count(reason) == 1
    assert re.search("Residual or plain, .*LeNet-5.*AlexNet.*NiN.*no block", running)


def test_a_cell_whose_contrast_is_not_there_yet_says_so(plan: Plan, frames: Frames) -> None:
    """A report while tables are older than the study."""
    none = {**frames, "contrasts": frames["contrasts"].iloc[:0]}
    cells = matrix_cells.read(plan.studies[0], Tables(none))
    assert {cell.text("test_error").partition(":")[0] for cell in cells} == {
        "not applicable",
        "its contrast is not in the tables yet",
    }
    assert "not in the tables yet" in figures.draw(plan.studies[0], none)["matrix"].alt


numbers = st.none() | st.floats(-90, 90) | st.just(math.inf)


@given(st.none() | st.tuples(numbers, numbers, numbers, st.integers(0, 5), st.text()), st.none() | st.text(min_size=1))
@settings(deadline=None, derandomize=True)
def test_no_cell_is_ever_empty(given_row: Any, refused: str | None) -> None:
    keys = ("estimate", "low", "high", "n", "reason")
    rows = {} if given_row is None else {"test_error": dict(zip(keys, given_row, strict=True)) | {"n_planned": 5}}
    cell = matrix_cells.MatrixCell("lenet", "pooling", "Pooling", rows, refused)
    assert cell.text("test_error").strip()


def test_what_is_subtracted_from_what_is_read_from_the_arms(plan: Plan, frames: Frames) -> None:
    tables, study = Tables(frames), plan.studies[0]
    cells = matrix_cells.read(study, tables)
    signs = [matrix_cells.formula(cells, switch, tables, study.name) for switch in report_samples.SWITCHES]
    assert signs == ["none − batch", "sigmoid − relu", "average − max", "without − with"]


def row(low: float | None, high: float | None) -> Row:
    return {"estimate": None, "low": low, "high": high}


@pytest.mark.parametrize(
    ("low", "high", "side"),
    [(0.1, 2, 1), (-2, -0.1, -1), (-0.1, 2, 0), (0.0, 2, 0), (None, -1, -1), (1, None, 1), (None, None, 0)],
)
def test_an_effect_is_certain_where_its_interval_excludes_0(low: float | None, high: float | None, side: int) -> None:
    assert effect_cell.beyond_zero(row(low, high)) == side


@given(st.floats(1, 100), st.floats(-200, 200), st.floats(-200, 200))
@settings(deadline=None, derandomize=True)
def test_the_scale_keeps_order_and_sign_and_stays_within(reach: float, one: float, other: float) -> None:
    scale = Scale(reach, 28.0)
    assert scale(-one) == -scale(one)
    assert abs(scale(one)) <= 28.0 + 1e-9
    if one < other:
        assert scale(one) <= scale(other)


@pytest.mark.parametrize("reach", [1.0, 1.7, 4.0, 12.0, 35.0, 90.0])
def test_numbers_on_the_axis_stand_apart(reach: float) -> None:
    scale = Scale(reach, 28.0)
    places = sorted({sign * scale(tick) for tick in scale.ticks for sign in (-1, 1)})
    assert len(places) >= 3
    assert min(right - left for left, right in pairwise(places)) >= 16


def test_a_study_without_a_matrix_says_so(plan: Plan, frames: Frames) -> None:
    assert "no matrix" in figures.draw(replace(plan.studies[0], matrix=None), frames)["matrix"].alt


def test_a_cell_whose_arm_did_not_train_says_so(plan: Plan, frames: Frames, tmp_path: Path) -> None:
    """In the samples a sigmoid leaves AlexNet near guessing and makes one run of VGG diverge, and NiN errs in 32 %."""
    cells = {(cell.family, cell.switch): cell for cell in matrix_cells.read(plan.studies[0], Tables(frames))}
    marked = {key: cell.did_not_train for key, cell in cells.items() if cell.did_not_train}
    assert marked == {
        ("alexnet", "activation"): "AlexNet, sigmoid: errs in 64 %, guessing in 90 %",
        ("vgg", "activation"): "VGG-11, sigmoid: 1 of 5 runs diverged or failed",
    }
    drawn = figures.draw(plan.studies[0], frames)["matrix"]
    assert drawn.alt.count("an arm did not train") == texts(plan, frames, tmp_path).count("did not train") == 2
    assert "20" in texts(plan, frames, tmp_path)  # the scale is that of the others
    assert "50" not in texts(plan, frames, tmp_path)
