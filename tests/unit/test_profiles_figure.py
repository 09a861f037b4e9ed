"""The figures of profiles and of sweeps: what they draw and say in words, and that every kind of panel is drawn."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from cnnlab import figures
from cnnlab.figures import filters, profiles
from cnnlab.figures.drawing import svg
from cnnlab.figures.drawing.arm_runs import arms_of
from cnnlab.figures.drawing.line_panels import draw as draw_panels
from cnnlab.figures.drawing.line_words import tell
from cnnlab.figures.drawing.lines import Line, Panel
from cnnlab.figures.drawing.profile_panels import KINDS
from cnnlab.figures.drawing.style import style
from cnnlab.planning.diagnostics import Profile, diagnostics
from cnnlab.planning.plan import Plan
from tests import report_samples

Frames = dict[str, pd.DataFrame]
STUDIES = ("gradients", "amount", "residual")
GRADIENTS: Any = SimpleNamespace(name="gradients")  # all that these figures ask of their study


@pytest.fixture(scope="module")
def drawn(plan: Plan, frames: Frames) -> dict[str, figures.Drawing]:
    return {
        "profiles": figures.draw(plan.study("gradients"), frames)["profiles"],
        "sweep": figures.draw(plan.study("amount"), frames)["sweep"],
    }


def looks(frames: Frames, *quantities: str) -> pd.DataFrame:
    """The rows of ``profiles`` whose quantity begins so."""
    rows = frames["profiles"]
    found: pd.DataFrame = rows[rows["quantity"].str.startswith(quantities)]
    return found


def draw(frames: Frames, rows: pd.DataFrame) -> tuple[Any, str]:
    """The figure of the study `gradients` from these rows alone."""
    with style():
        return profiles.draw(GRADIENTS, {**frames, "profiles": rows})


def test_every_profile_that_a_diagnostic_declares_is_in_the_samples_and_of_a_kind_that_is_drawn() -> None:
    sampled = {name for look in report_samples.PROFILES.values() for name in look}
    profiles = [profile for diagnostic in diagnostics().values() for profile in diagnostic.profiles.values()]
    for profile in profiles:
        assert any(map(profile.shows, sampled)), profile.name
        assert profile.layers in {None, *sampled}
    assert all(any(profile.shows(quantity) for profile in profiles) for quantity in sampled)
    assert KINDS.keys() == set(get_args(Profile.model_fields["kind"].annotation))


def test_a_quantity_that_nobody_foresaw_is_drawn_under_its_name(frames: Frames) -> None:
    rows = looks(frames, "probe_accuracy").assign(quantity="lost_sleep")
    figure, alt = draw(frames, rows)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["lost sleep"]
    assert "Lost sleep, by position: No normalization from " in alt


@pytest.mark.parametrize("look", [name for name in report_samples.PROFILES if name != "flat"])
def test_every_quantity_has_a_panel_that_tells_its_numbers(frames: Frames, look: str) -> None:
    figure, alt = draw(frames, looks(frames, *report_samples.PROFILES[look]))
    assert figure.axes
    assert "No normalization" in alt
    assert "nothing yet" not in alt
    for axes in figure.axes:
        assert axes.get_title(loc="left")
        assert axes.get_xlabel()
        assert axes.lines or axes.collections


def test_a_profile_is_told_by_the_means_of_its_ends(frames: Frames, drawn: dict[str, figures.Drawing]) -> None:
    rows = looks(frames, "probe_accuracy")
    batch = frames["arms"].query("study == 'gradients' and arm == 'batch'")["arm_id"].iloc[0]
    mine = rows[rows["arm_id"] == batch]
    first, last = (mine[mine["position"] == depth]["value"].astype(float) for depth in (1, 8))
    told = drawn["profiles"].alt.partition("linear probe")[2]
    said = re.search(r"Batch normalization from ([\d.]+) \(.*? at 1 to ([\d.]+) \(", told)
    assert said
    assert float(said[1]) == pytest.approx(first.mean(), abs=0.6)
    assert float(said[2]) == pytest.approx(last.mean(), abs=0.6)


def test_layers_are_drawn_by_their_depth_and_not_by_their_names(frames: Frames) -> None:
    """In the samples the names run against the depth; the lower layers are done last."""
    figure, alt = draw(frames, looks(frames, "way_left", "half_way_at"))
    depth, *by_arm = figure.axes
    titles = [axes.get_title(loc="left").partition(":")[0] for axes in by_arm]
    assert depth.get_title(loc="left") == "weights half-way at, % of training"
    assert titles == ["No normalization", "Batch normalization"]
    for axes in by_arm:
        strengths = [line.get_alpha() for line in axes.lines]
        assert strengths == [0.45, 0.73, 1.0, 0.45, 0.73, 1.0]
    assert re.search(r"at step \d+: [\d.]+ in the lower half of the layers, [\d.]+ in the upper half", alt)


def test_spreads_of_layers_are_drawn_by_depth_and_told_by_their_ends(frames: Frames) -> None:
    figure, alt = draw(frames, looks(frames, "input_drift", "input_sd"))
    _, spreads = figure.axes
    strengths = [line.get_alpha() for line in spreads.lines]
    assert strengths == 2 * sorted(strengths[:8])  # two arms of eight layers
    assert strengths[7] == 1
    rows = looks(frames, "input_sd")
    batch = frames["arms"].query("study == 'gradients' and arm == 'batch'")["arm_id"].iloc[0]
    ends = rows[rows["arm_id"] == batch].groupby("position")["value"].mean()
    said = re.search(r"class scores, mean over layers: .*Batch normalization from ([\d.]+) to ([\d.]+)\.", alt)
    assert said
    assert float(said[1]) == pytest.approx(ends.iloc[0], rel=0.05)
    assert float(said[2]) == pytest.approx(ends.iloc[-1], rel=0.05)


def test_a_position_that_not_every_run_reached_has_no_mean(frames: Frames) -> None:
    rates = looks(frames, "error_by_rate")
    stopped = rates["run_id"].iloc[0]
    figure, _ = draw(frames, rates[(rates["run_id"] != stopped) | (rates["position"] < 1)])
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert sorted(max(line.get_xdata()) < 1 for line in axes.lines) == [False, True]


def test_without_profiles_the_figure_says_so(plan: Plan, frames: Frames) -> None:
    absent = {name: frame for name, frame in frames.items() if name != "profiles"}
    for tables in (absent, {**frames, "profiles": frames["profiles"].iloc[:0]}):
        assert figures.draw(plan.study("gradients"), tables)["profiles"].alt == "No run has been looked into yet."


def test_a_sweep_tells_every_mean_and_where_runs_have_no_value(
    drawn: dict[str, figures.Drawing],
) -> None:
    alt = drawn["sweep"].alt
    assert "by training images:" in alt
    assert "Width 4 " in alt
    assert "Width 16 no value in 1 of 6 runs at 300" in alt
    assert " at all" in alt
    (axes,) = drawn["sweep"].figure.axes
    assert axes.get_title(loc="left") == "training error (evaluation mode), %"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["300", "1000", "all"]
    assert len(axes.lines[1].get_xdata()) == 2  # no mean where a run diverged


def test_a_sweep_draws_every_seed(frames: Frames, drawn: dict[str, figures.Drawing]) -> None:
    (axes,) = drawn["sweep"].figure.axes
    dots = sum(len(found.get_offsets()) for found in axes.collections if found.get_offsets().shape[0] > 3)
    arms = frames["arms"].query("study == 'amount' and arm != 'hog'")["arm_id"]
    assert dots == frames["runs"][frames["runs"]["arm_id"].isin(arms)]["train_error"].notna().sum()


def test_the_axis_of_a_sweep_names_the_values_that_were_run() -> None:
    lines = [Line("A", 0, {float(x): [1.0, 2.0] for x in (8, 20, 32)})]
    figure = Figure()
    draw_panels(figure, [Panel("loss", "layers", lines, dots=True)])
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["8", "20", "32"]


def test_a_metric_that_only_one_arm_has_makes_no_line(plan: Plan, frames: Frames) -> None:
    arms = frames["arms"].query("study == 'amount'").set_index("arm")["arm_id"]
    mine = frames["runs"]["arm_id"].isin([arms["16-300"], arms["4-300"], arms["4-1000"]])
    runs = frames["runs"].assign(train_error=frames["runs"]["train_error"].mask(mine))
    (axes,) = figures.draw(plan.study("amount"), {**frames, "runs": runs})["sweep"].figure.axes
    assert len(axes.lines) == 1


def test_a_study_without_a_number_that_varies_says_so(plan: Plan, frames: Frames) -> None:
    from dataclasses import replace

    study = replace(plan.study("gradients"), figures=("sweep",))
    assert figures.draw(study, frames)["sweep"].alt == "No number varies among the arms."


def test_an_arm_that_is_not_trained_has_no_curve_and_is_named(plan: Plan, frames: Frames) -> None:
    drawing = figures.draw(plan.study("amount"), frames)["curves"]
    assert drawing.alt.endswith("Not trained, and so without a curve: HOG and SVM.")
    legends = [legend for part in drawing.figure.subfigs for legend in part.legends]
    labels = {text.get_text().partition(" (")[0] for legend in legends for text in legend.get_texts()}
    assert len(labels - {"other arms"}) == 6
    assert "HOG and SVM" not in labels


@pytest.mark.parametrize("name", ["profiles", "sweep"])
def test_the_new_figures_are_small_and_the_same_at_every_call(
    plan: Plan, frames: Frames, drawn: dict[str, figures.Drawing], name: str, tmp_path: Path
) -> None:
    study = plan.study({"profiles": "gradients", "sweep": "amount"}[name])
    figures.save(drawn[name], tmp_path / "one", "x")
    figures.save(figures.draw(study, frames)[name], tmp_path / "two", "x")
    text = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert text == (tmp_path / "two.svg").read_text(encoding="utf-8")
    assert len(text) < 150_000  # of seventeen panels
    assert not re.findall(r"(?<!, )#[0-9a-f]{6}", text), "a colour that the dark page cannot change"


def test_numbers_are_told_with_their_intervals_once_all_runs_are_there() -> None:
    points = {1.0: [1.0, 2.0, 3.0], 2.0: [4.0, 4.0, 7.0]}
    whole, unfinished = (Panel("loss", "step", [Line("A", 0, points, complete)]) for complete in (True, False))
    assert tell(whole) == "Loss, by step: A from 2.0 (−0.5 to 4.5) at 1 to 5 (1 to 9) at 2."
    assert tell(unfinished) == "Loss, by step: A from 2.0 at 1 to 5.0 at 2."


def test_a_ratio_has_a_geometric_mean() -> None:
    mean, low, high = Line("A", 0, {1.0: [1.0, 4.0]}).means(geometric=True)[1.0]
    assert mean == pytest.approx(2)
    assert low * high == pytest.approx(4)
    assert np.isnan(Line("A", 0, {1.0: [2.0]}).means(geometric=False)[1.0][1])


def test_filters_are_drawn_of_the_first_finished_run_of_each_arm(frames: Frames, tmp_path: Path) -> None:
    rows = frames["pictures"]
    assert rows.groupby("arm_id")["run_id"].nunique().tolist() == [1, 1]
    assert set(rows["seed"]) == {0}
    with style():
        figure, alt = filters.draw(GRADIENTS, frames)
        figures.save(figures.Drawing(figure, "Filters", alt), tmp_path / "filters", "gradients-filters")
    for arm in arms_of("gradients", frames):
        profile = frames["profiles"][frames["profiles"]["run_id"].isin(rows[rows["arm_id"] == arm.arm_id]["run_id"])]
        means = [profile[profile["quantity"] == f"selectivity {when}"]["value"].mean() for when in ("before", "after")]
        assert (
            f"{arm.label}, seed 0: orientation selectivity {means[0]:.2f} as initialized, {means[1]:.2f} trained" in alt
        )
    tiles = [np.asarray(image.get_array()) for image in figure.axes[0].images]
    assert [tile.shape[0] for tile in tiles] == 2 * (12 * [5] + [28] + 6 * [24])
    mine = rows[(rows["arm_id"] == arms_of("gradients", frames)[0].arm_id) & (rows["picture"] == "filters trained")]
    pixel = mine[(mine["index"] == 2) & (mine["y"] == 1) & (mine["x"] == 4)]["value"].item()
    assert tiles[8][1, 4] == pixel
    text = svg.inline((tmp_path / "filters.svg").read_text(encoding="utf-8"))
    assert text.count('href="data:image/png;base64') == len(tiles)


def test_an_arm_without_filters_is_left_out_and_a_study_without_says_so(frames: Frames) -> None:
    arms = arms_of("gradients", frames)
    one = frames["pictures"][frames["pictures"]["arm_id"] == arms[1].arm_id]
    alt = filters.draw(GRADIENTS, frames | {"pictures": one})[1]
    assert arms[0].label not in alt
    assert arms[1].label in alt
    bare = {name: frames[name] for name in ("arms", "runs", "curves")}
    assert filters.draw(GRADIENTS, bare)[1] == "No run has left its filters yet."
