"""The figures: what they say in words, that they are the same at every call, and that everyone can tell them apart."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from scipy.stats import t as student

from cnnlab import figures
from cnnlab.analysis.pareto import front
from cnnlab.analysis.tables.frames import Tables
from cnnlab.figures.drawing import contrast_rows, svg
from cnnlab.figures.drawing.style import log_if_wide
from cnnlab.figures.drawing.theme import COLOURS, SERIES
from cnnlab.planning.plan import Plan
from cnnlab.planning.studies.figure_choice import kinds
from cnnlab.wording.numbers import Quantity

Frames = dict[str, pd.DataFrame]
Drawn = dict[str, dict[str, figures.Drawing]]
Saved = dict[tuple[str, str], Path]
STUDIES = ("activation", "residual", "head", "matrix", "benchmark")


@pytest.fixture(scope="module")
def drawn(plan: Plan, frames: Frames) -> Drawn:
    return {name: figures.draw(plan.study(name), frames) for name in STUDIES}


@pytest.fixture(scope="module")
def saved(drawn: Drawn, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """Every figure as SVG and PNG: their paths without the suffix."""
    folder = tmp_path_factory.mktemp("saved")
    paths = {(study, name): folder / f"{study}-{name}" for study in drawn for name in drawn[study]}
    for (study, name), path in paths.items():
        figures.save(drawn[study][name], path, path.name)
    return paths


def told(text: str, *parts: str) -> bool:
    """Whether the parts stand in the text in this order."""
    return re.search(".*".join(map(re.escape, parts)), text, re.DOTALL) is not None


def errors_of(frames: Frames, arm: str) -> np.ndarray:
    arm_id = frames["arms"].set_index("arm").loc[arm, "arm_id"]
    runs = frames["runs"]
    return 100 * runs[runs["arm_id"] == arm_id]["test_error"].dropna().to_numpy(dtype=float)


def test_every_study_has_the_figures_that_it_names_with_their_titles(plan: Plan, drawn: Drawn) -> None:
    for study in plan.studies:
        assert tuple(drawn[study.name]) == study.figures
        for name, drawing in drawn[study.name].items():
            assert drawing.title == f"{study.title}: {kinds()[name].title}"


def test_alt_texts_hold_the_numbers_of_every_arm(frames: Frames, drawn: Drawn) -> None:
    """Mean and interval of the errors, and the last accuracy of the curves."""
    errors = errors_of(frames, "relu")
    half = student.isf(0.025, len(errors) - 1) * errors.std(ddof=1) / math.sqrt(len(errors))
    mean = errors.mean()
    ends = (f"{mean:.1f} %", f"{mean - half:.1f}", f"{mean + half:.1f}")
    assert told(drawn["activation"]["errors"].alt, "ReLU", *ends)
    curves = frames["curves"].merge(frames["arms"][["arm", "arm_id"]], on="arm_id")
    relu = curves[curves["arm"] == "relu"]
    last = 100 * relu[relu["step"] == relu["step"].max()]["validation_accuracy"].astype(float)
    assert told(drawn["activation"]["curves"].alt, "ReLU", f"{last.mean():.1f}")


def test_the_alt_text_of_differences_holds_every_contrast(frames: Frames, drawn: Drawn) -> None:
    contrasts = frames["contrasts"]
    primary = contrasts[(contrasts["study"] == "activation") & contrasts["primary"]].iloc[0]
    numbers = [f"{primary[key]:.2f}" for key in ("estimate", "low", "high")]
    alt = drawn["activation"]["differences"].alt
    assert told(alt, "ReLU / Sigmoid", *numbers, "claimed > 1", "supported")
    assert told(alt, "no estimate", "above ")  # steps of an arm that never reached the target
    assert alt.count("secondary") == 2


def test_no_interval_is_shown_before_every_seed_is_finished(drawn: Drawn) -> None:
    assert all("5 of 8" in drawing.alt for drawing in drawn["head"].values())
    assert " to " not in drawn["head"]["errors"].alt


def test_a_run_that_diverged_is_told_and_marked_at_its_end(drawn: Drawn) -> None:
    for name in ("errors", "curves"):
        assert "1 of 6 diverged" in drawn["residual"][name].alt
    for axes in drawn["residual"]["curves"].figure.axes:
        assert sum(line.get_marker() == "x" for line in axes.lines) == 1


def test_the_same_tables_give_the_same_bytes(plan: Plan, frames: Frames, saved: Saved, tmp_path: Path) -> None:
    for study in ("residual", "matrix", "benchmark"):
        for name, drawing in figures.draw(plan.study(study), frames).items():
            again = saved[study, name]
            figures.save(drawing, tmp_path / again.name, again.name)
            for suffix in (".svg", ".png"):
                one, two = (path.with_suffix(suffix).read_bytes() for path in (again, tmp_path / again.name))
                assert one == two, f"{study}/{name}{suffix}"


def test_a_saved_svg_is_small_named_and_in_the_colours_of_the_page(drawn: Drawn, saved: Saved) -> None:
    for (study, name), path in saved.items():
        text = path.with_suffix(".svg").read_text(encoding="utf-8")
        root = ET.fromstring(text)
        assert len(text) < 60_000
        assert root.findtext(f"{{{svg.SVG}}}title") == drawn[study][name].title
        assert root.findtext(f"{{{svg.SVG}}}desc") == drawn[study][name].alt
        assert root.get("aria-labelledby") == f"{path.name}-title {path.name}-desc"
        assert "date" not in text.lower().replace("validat", "")
        assert "<text" in text  # letters stay letters: to be found, read aloud, and shown in the page's own font
        assert "<g>" not in text  # a group without a word to say costs a browser time
        loose = set(re.findall(r"(?<!, )#[0-9a-f]{6}", text))
        assert not loose, "a colour that the dark page cannot change"


def test_ids_of_two_figures_never_meet_and_every_reference_is_met(saved: Saved) -> None:
    seen: set[str] = set()
    for path in saved.values():
        text = path.with_suffix(".svg").read_text(encoding="utf-8")
        ids = re.findall(r' id="([^"]+)"', text)
        references = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
        assert len(ids) == len(set(ids))
        assert references <= set(ids)
        assert not seen & set(ids)
        seen |= set(ids)


def test_an_inlined_svg_is_named_by_its_alt_text_and_has_no_tooltip(drawn: Drawn, saved: Saved) -> None:
    inline = svg.inline(saved["activation", "errors"].with_suffix(".svg").read_text(encoding="utf-8"))
    root, drawing = ET.fromstring(inline), drawn["activation"]["errors"]
    assert (root.tag, root.get("role")) == ("svg", "img")
    assert root.get("aria-label") == f"{drawing.title}. {drawing.alt}"
    assert "<title" not in inline
    assert "http" not in inline


def test_a_label_with_markup_stays_text(plan: Plan, frames: Frames, tmp_path: Path) -> None:
    arms = frames["arms"].assign(label=frames["arms"]["label"].replace("ReLU", "<script>&"))
    drawing = figures.draw(plan.study("activation"), {**frames, "arms": arms})["errors"]
    figures.save(drawing, tmp_path / "errors", "x")
    text = (tmp_path / "errors.svg").read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "&lt;script&gt;&amp;" in text


def test_the_effect_of_each_seed_is_the_paired_difference(frames: Frames) -> None:
    tables = Tables(frames)
    row = next(row for row in tables.rows("contrasts", study="activation") if row["metric"] == "test_error")
    expected = errors_of(frames, "sigmoid") - errors_of(frames, "relu")
    assert contrast_rows.per_seed(row, tables, "activation") == pytest.approx(list(expected))


def test_effects_of_seeds_stay_hidden_while_a_claim_runs(frames: Frames) -> None:
    tables = Tables(frames)
    assert all(contrast_rows.per_seed(row, tables, "head") == [] for row in tables.rows("contrasts", study="head"))


def test_a_loss_that_overflowed_is_left_out_without_a_warning(plan: Plan, frames: Frames, tmp_path: Path) -> None:
    losses = frames["curves"]["validation_loss"].mask(frames["curves"]["step"] < 100, np.inf)
    drawing = figures.draw(
        plan.study("residual"), {**frames, "curves": frames["curves"].assign(validation_loss=losses)}
    )
    figures.save(drawing["curves"], tmp_path / "curves", "x")
    assert "inf" not in (tmp_path / "curves.svg").read_text(encoding="utf-8").replace("infinite", "")


def test_a_first_loss_out_of_all_proportion_does_not_hide_the_rest(plan: Plan, frames: Frames) -> None:
    first = frames["curves"]["step"] == frames["curves"]["step"].min()
    curves = frames["curves"].assign(validation_loss=frames["curves"]["validation_loss"].mask(first, 40_000.0))
    axes = figures.draw(plan.study("residual"), {**frames, "curves": curves})["curves"].figure.axes[1]
    mine = curves[curves["arm_id"].isin(frames["arms"][frames["arms"]["study"] == "residual"]["arm_id"])]
    late = mine[mine["epoch"] >= mine["epoch"].max() / 2]["validation_loss"].max()
    assert axes.get_ylim()[1] < 4 * late
    assert "cut at" in axes.get_title(loc="left")
    assert any(label.get_text() for label in axes.get_yticklabels())


@pytest.mark.parametrize("empty", ["nothing", "all diverged"])
def test_a_study_without_a_finished_run_has_figures_that_say_so(
    plan: Plan, frames: Frames, tmp_path: Path, empty: str
) -> None:
    tables = dict(frames)
    if empty == "nothing":
        tables |= {name: frames[name].iloc[:0] for name in ("runs", "curves", "contrasts")}
    else:
        tables["runs"] = frames["runs"].assign(status="diverged", test_error=np.nan)
    for name, drawing in figures.draw(plan.study("activation"), tables).items():
        figures.save(drawing, tmp_path / name, "x")
        assert (tmp_path / f"{name}.png").stat().st_size > 1000
    assert "finished" in drawing.alt


def test_the_matrix_tells_every_cell(plan: Plan, frames: Frames, drawn: Drawn) -> None:
    """Its number, how far its runs are, or why the family refuses the switch."""
    alt = drawn["matrix"]["matrix"].alt
    rows = frames["contrasts"].query("study == 'matrix' and metric == 'test_error'")
    matrix = plan.study("matrix").matrix
    assert matrix
    assert len(rows) + len(matrix.refused) == len(matrix.families) * len(matrix.switches)
    for reason in matrix.refused.values():
        assert reason in alt
    for _, row in rows[rows["n"] == rows["n_planned"]].iterrows():
        assert Quantity(row["estimate"], row["low"], row["high"]).value in alt
    assert "3 of 5 seeds" in alt


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
@settings(deadline=None, derandomize=True)
def test_what_is_not_on_the_front_is_beaten_by_something_on_it(points: list[tuple[int, int]]) -> None:
    costs, errors = [float(cost) for cost, _ in points], [float(error) for _, error in points]
    members = front(costs, errors)
    best = [point for point, member in zip(points, members, strict=True) if member]
    for point, member in zip(points, members, strict=True):
        beaten = any(other[0] <= point[0] and other[1] <= point[1] and other != point for other in best)
        assert member != beaten


def luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("shade", [0, 1], ids=["light", "dark"])
def test_colours_stand_out_from_the_page(shade: int) -> None:
    paper = COLOURS["paper"][shade]
    text = ("ink", "soft", "supported", "contradicted", "equivalent", "inconclusive", "running", "untested", "link")
    for role in text:
        assert contrast(COLOURS[role][shade], paper) >= 4.5, role
    for role in SERIES:
        assert contrast(COLOURS[role][shade], paper) >= 3, role


# Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB.
BLINDNESS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


def oklab(colour: str, matrix: list[list[float]]) -> np.ndarray:
    channels = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(matrix) @ linear, 0, 1)
    cones = np.cbrt(
        np.array(
            [
                [0.4122214708, 0.5363325363, 0.0514459929],
                [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005],
            ]
        )
        @ seen
    )
    return np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    ) @ np.asarray(cones)


@pytest.mark.parametrize("shade", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("kind", BLINDNESS)
def test_the_first_six_series_differ_for_the_colour_blind(kind: str, shade: int) -> None:
    seen = {role: oklab(COLOURS[role][shade], BLINDNESS[kind]) for role in SERIES[:6]}
    for one, other in combinations(seen, 2):
        assert float(np.linalg.norm(seen[one] - seen[other])) > 0.08, f"{one} and {other}"


@pytest.mark.parametrize("reach", [9, 500, 1e5, 1e13])
def test_numbers_on_a_logarithmic_axis_stand_apart(reach: float) -> None:
    """Validation losses of a run that explodes span a dozen decades."""
    axes = Figure(figsize=(2, 1.5)).subplots()
    axes.plot([1, reach])
    assert log_if_wide(axes.yaxis, [1, reach])
    inside = [tick for tick in axes.get_yticks() if 1 <= tick <= reach]
    assert 2 <= len(inside) <= 9
