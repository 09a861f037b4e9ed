"""Figures that can be read from the last row: no style twice in a legend, no number over another, nothing too small."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text

from cnnlab import figures
from cnnlab.figures.drawing import line_groups
from cnnlab.figures.drawing.contrast_rows import Contrast
from cnnlab.figures.drawing.line_panels import draw as draw_panels
from cnnlab.figures.drawing.lines import Line, Panel
from cnnlab.figures.drawing.style import WIDTH, numbers_inside, style
from cnnlab.figures.drawing.theme import SERIES, linestyle, marker, series
from cnnlab.planning.plan import Plan
from tests import report_samples
from tests.report_samples import Truth

Frames = dict[str, pd.DataFrame]
Drawn = dict[tuple[str, str], figures.Drawing]
# A base and nine changes of it, of which one is trained a quarter as long, one eight times as long; effects from 0.01
# to 10 decades; a rate that runs fail at.
CROWD: dict[str, Any] = {
    "title": "A crowd",
    "question": "Which of nine changes matters?",
    "source": (None, None),
    "core": False,
    "arms": {
        f"a{place}": (
            f"Change number {place}, described at some length in words"
            if place == 9
            else f"Change number {place}"
            if place
            else "Nothing changed",
            Truth(
                0.02 + 0.01 * place,
                diverging=(1,) if place == 9 else (),
                architecture="mlp",
                model={"width": 10 + place},
                epochs={3: 2, 4: 64}.get(place, 8),
                looks=("steep", "rates"),
                values={"update_slope": 10.0 if place == 1 else 0.02 * place, "largest_rate": 0.9},
            ),
        )
        for place in range(10)
    },
    "seeds": 5,
    "claims": [("C24", "relu", [("update_slope", {"a1": 1}, "greater", 0.3)])],
    "secondary": [
        *(("update_slope", {f"a{place}": 1}, None) for place in range(2, 10)),
        *(("test_error", {f"a{place}": 1, "a0": -1}, None) for place in range(1, 10)),
    ],
    "figures": ("profiles", "sweep", "curves", "differences", "errors", "confusion"),
}
STUDIES = ("activation", "residual", "matrix", "benchmark", "gradients", "amount", "spatial", "crowd")
LEAST = 9  # points: the size of a letter, of which the column of a phone leaves 95 %


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(report_samples.STUDIES, "crowd", CROWD)
        yield report_samples.plan(tmp_path_factory.mktemp("plan"), STUDIES)


@pytest.fixture(scope="module")
def drawn(plan: Plan, frames: Frames) -> Drawn:
    """Every figure of every study."""
    return {(name, key): of for name in STUDIES for key, of in figures.draw(plan.study(name), frames).items()}


def legends(figure: Any) -> list[Legend]:
    """Those of the figure, of its parts and of its panels."""
    own = [axes.get_legend() for axes in figure.axes]
    return [*filter(None, own), *(found for part in (figure, *figure.subfigs) for found in part.legends)]


def styles(legend: Legend) -> list[tuple[Any, ...]]:
    """Colour, dashes and marker of each entry."""
    return [(to_hex(line.get_color()), str(line._dash_pattern), line.get_marker()) for line in legend.get_lines()]


def test_no_style_stands_twice_in_a_legend(drawn: Drawn) -> None:
    found = {key: legends(drawing.figure) for key, drawing in drawn.items()}
    assert {name for (_, name), of in found.items() if of} == {"profiles", "sweep", "curves"}
    for key, of_figure in found.items():
        for legend in of_figure:
            assert len(set(styles(legend))) == len(legend.get_texts()), key


def test_colour_and_dashes_tell_32_arms_apart_and_colour_and_marker_64() -> None:
    assert len({(series(index), str(linestyle(index))) for index in range(32)}) == 32
    assert len({(series(index), marker(index)) for index in range(64)}) == 64


def test_no_panel_has_more_coloured_lines_than_can_be_told_apart(drawn: Drawn) -> None:
    """The others are there in grey; each arm is in colour in one panel at least."""
    own = {series(index) for index in range(len(SERIES))}
    for study, name in (("crowd", "curves"), ("crowd", "profiles"), ("amount", "curves")):
        seen: set[str] = set()
        for legend in legends(drawn[study, name].figure):
            texts = [text.get_text().replace("\n", " ").partition(" (")[0] for text in legend.get_texts()]
            *labels, others = texts
            assert others == "other arms"
            assert len(labels) <= line_groups.MOST
            seen |= set(labels)
        trained = {label for label, truth in report_samples.STUDIES.get(study, CROWD)["arms"].values() if truth.epochs}
        assert seen == trained
        for axes in drawn[study, name].figure.axes:
            assert len({to_hex(line.get_color()) for line in axes.lines} & own) <= line_groups.MOST


def test_what_most_arms_are_compared_with_stands_in_every_group(plan: Plan, drawn: Drawn) -> None:
    assert line_groups.reference(plan.study("crowd")) == "a0"
    assert line_groups.reference(plan.study("residual")) is None  # both arms of 44 layers are compared with two
    for legend in legends(drawn["crowd", "curves"].figure):
        assert legend.get_texts()[0].get_text() == "Nothing changed"


def test_runs_of_unlike_length_are_drawn_by_steps_and_by_their_logarithm(drawn: Drawn) -> None:
    """So that a run of a few epochs does not end in the first tenth of the axis."""
    for axes in drawn["crowd", "curves"].figure.axes:
        low, high = np.log(axes.get_xlim())
        curves = [line.get_xdata() for line in axes.lines if len(line.get_xdata()) > 1 and max(line.get_xdata()) > 1]
        assert min((np.log(max(curve)) - low) / (high - low) for curve in curves) > 0.15
        assert "logarithmic" in axes.get_xlabel()


def test_an_arm_that_fails_is_seen_although_another_is_trained_longer(plan: Plan, frames: Frames) -> None:
    """Where an axis is cut is read off the second half of each arm's own training."""
    arm = frames["arms"].query("study == 'crowd' and arm == 'a5'")["arm_id"].iloc[0]
    accuracy = frames["curves"]["validation_accuracy"].mask(frames["curves"]["arm_id"] == arm, 0.1)
    tables = {**frames, "curves": frames["curves"].assign(validation_accuracy=accuracy)}
    above = figures.draw(plan.study("crowd"), tables)["curves"].figure.axes[0]
    assert above.get_ylim()[0] < 10


def numbers(axes: Any) -> list[str]:
    return [text for label in axes.get_xticklabels() if (text := label.get_text())]


def test_epochs_are_whole_numbers(plan: Plan, frames: Frames, drawn: Drawn) -> None:
    first = frames["curves"].sort_values("step").groupby(["arm_id", "seed"], as_index=False).first()
    one = figures.draw(plan.study("activation"), {**frames, "curves": first.assign(epoch=1.0)})["curves"]
    for figure in (drawn["activation", "curves"].figure, drawn["residual", "curves"].figure, one.figure):
        below = figure.axes[1]
        assert below.get_xlabel() == "epoch"
        assert len(numbers(below)) >= 2
        assert all(re.fullmatch(r"\d+", number) for number in numbers(below))


def boxes(figure: Figure) -> Iterator[list[tuple[str, Any]]]:
    """The numbers beneath and beside each panel, with the space that each takes in pixels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    for axes in figure.axes:
        for ruler in (axes.xaxis, axes.yaxis):
            low, high = sorted(ruler.get_view_interval())
            ticks = [tick for tick in ruler.get_major_ticks() if low <= tick.get_loc() <= high]
            labels = [label for tick in ticks for label in (tick.label1, tick.label2)]
            shown = [label for label in labels if label.get_visible() and label.get_text()]
            yield [(label.get_text(), label.get_window_extent(renderer)) for label in shown]
        texts = [text for text in axes.texts if text.get_visible() and text.get_text()]
        yield [(text.get_text(), text.get_window_extent(renderer)) for text in texts]


def check_words(figure: Figure, key: Any) -> None:
    """No two overlap, and none reaches beyond the figure."""
    with style():
        for row in boxes(figure):
            for (one, left), (other, right) in combinations(row, 2):
                assert not left.padded(-0.5).overlaps(right.padded(-0.5)), f"{key}: {one!r} on {other!r}"
            for text, box in row:
                assert box.x0 >= -0.5, f"{key}: {text!r}"
                assert box.x1 <= figure.bbox.x1 + 0.5, f"{key}: {text!r}"


def test_numbers_and_words_stand_apart_and_within_the_figure(drawn: Drawn) -> None:
    for key, drawing in drawn.items():
        check_words(drawing.figure, key)


def test_numbers_at_the_ends_of_an_axis_stay_within_the_figure_and_apart() -> None:
    """At 100, at the very end; and at two numbers of which one would be pushed into the other."""
    with style():
        for low, high, places, shown in ((0, 100, (0, 50, 100), 3), (-0.0081, 0.0085, (-0.008, -0.006, 0), 2)):
            figure = Figure(figsize=(WIDTH, 1))
            axes = figure.add_axes((0.008, 0.5, 0.984, 0.4))
            axes.set(xlim=(low, high), yticks=[])
            axes.set_xticks(places, [f"{place:.4f}" for place in places])
            numbers_inside(axes)
            check_words(figure, places)
            assert sum(label.get_visible() for label in axes.get_xticklabels()) == shown


def test_numbers_beneath_neighbouring_columns_of_a_matrix_stand_apart(plan: Plan, frames: Frames) -> None:
    """Where effects reach to 100 points on either side."""
    wide = frames["contrasts"].assign(estimate=0.0, low=-100.0, high=100.0)
    check_words(figures.draw(plan.study("matrix"), {**frames, "contrasts": wide})["matrix"].figure, "wide")


@pytest.mark.parametrize("classes", [3, 10, 12])
def test_confusions_have_room_for_every_error_and_every_name(plan: Plan, frames: Frames, classes: int) -> None:
    """Each class is taken for each other one, some in one of seven images."""
    arms = frames["arms"].query("study == 'gradients'")["arm_id"]
    pairs = [(arm, true, answer) for arm in arms for true in range(classes) for answer in range(classes)]
    rows = pd.DataFrame(pairs, columns=["arm_id", "class", "answer"])
    named = {
        name: rows[column].map("Long name {}".format) for name, column in (("name", "class"), ("answer_name", "answer"))
    }
    rows = rows.assign(share=0.004 + 0.014 * (rows["class"] + rows["answer"]) / classes * 5, n=100, **named)
    figure = figures.draw(plan.study("gradients"), {**frames, "confusion": rows})["confusion"].figure
    check_words(figure, classes)
    assert len(figure.axes[0].texts) == classes * (classes - 1)
    written = " ".join(text.get_text() for text in figure.findobj(Text)).replace("\n", " ")
    assert all(name in written.replace("\N{NO-BREAK SPACE}", " ") for name in set(named["name"]))


def test_no_letter_is_too_small_and_no_figure_too_wide_for_a_phone(drawn: Drawn) -> None:
    for key, drawing in drawn.items():
        sizes = {text.get_fontsize() for text in drawing.figure.findobj(Text) if text.get_text()}
        assert min(sizes) >= LEAST, key
        assert drawing.figure.get_figwidth() == pytest.approx(WIDTH), key


def test_shares_stay_between_0_and_100(plan: Plan, frames: Frames) -> None:
    """Two runs have wide intervals: those of an error near 0 and of an accuracy near 100 % end there."""
    runs = frames["runs"].assign(test_error=frames["runs"]["seed"].map({0: 0.0, 1: 0.9}).fillna(0.45))
    curves = frames["curves"].assign(validation_accuracy=1 - frames["curves"]["seed"].map({0: 0.0, 1: 0.9}).fillna(0.4))
    tables = {**frames, "runs": runs[runs["seed"] < 2], "curves": curves[curves["seed"] < 2]}
    arms = frames["arms"].assign(n_seeds=2, seeds="0-1")
    for study in ("activation", "spatial"):
        both = figures.draw(plan.study(study), {**tables, "arms": arms})
        error, accuracy = both["errors"].figure.axes[0].get_xlim(), both["curves"].figure.axes[0].get_ylim()
        for low, high in (error, accuracy):
            assert 0 <= low < high <= 100
        assert "(0 to 100)" in both["errors"].alt
        assert re.search(r"\(0 to 100\)", both["curves"].alt)
        (band, *_) = both["curves"].figure.axes[0].collections
        reach = band.get_paths()[0].vertices[:, 1]
        assert reach.min() >= 0
        assert reach.max() <= 100


def test_effects_of_unlike_size_have_axes_of_their_own(drawn: Drawn) -> None:
    """Of 10 decades beside 0.04: on one axis the small one would be a dot on 0."""
    first, *others = (axes for axes in drawn["crowd", "differences"].figure.axes if "decades" in axes.get_xlabel())
    assert first.get_xlim()[1] >= 10
    assert others
    assert all("finer scale" in axes.get_xlabel() for axes in others)
    finest = min(axes.get_xlim()[1] for axes in others)
    assert finest < 0.5
    for axes in drawn["crowd", "differences"].figure.axes:
        low, high = axes.get_xlim()
        marks = [line.get_xdata()[0] for line in axes.lines if line.get_markersize() == 6.5]
        assert max(map(abs, marks)) > 0.1 * (high - low)


def test_effects_of_one_size_stay_on_one_axis(drawn: Drawn) -> None:
    axes = [axes.get_xlabel() for axes in drawn["spatial", "differences"].figure.axes]
    assert axes == ["pp"]


def test_an_arm_that_the_title_names_is_not_named_again() -> None:
    for title, formula, lines in (
        (["rise of the gradient,", "ReLU"], "ReLU", 2),
        (["gradient, ReLU"], "ReLU", 2),  # a number and what is claimed stand on two lines
        (["rise of the gradient,", "ReLU"], "ReLU − Sigmoid", 3),
    ):
        assert len(Contrast({"label": "relu"}, title, formula, []).lines) == lines


def test_a_line_beneath_another_is_named(plan: Plan, frames: Frames) -> None:
    arms = frames["arms"].query("study == 'spatial'").set_index("arm")["arm_id"]
    same = frames["curves"][frames["curves"]["arm_id"] == arms["lenet"]]
    curves = pd.concat([frames["curves"].query("arm_id != @arms['mlp']"), same.assign(arm_id=arms["mlp"])])
    figure = figures.draw(plan.study("spatial"), {**frames, "curves": curves})["curves"].figure
    (legend,) = legends(figure)
    assert [text.get_text() for text in legend.get_texts()][:2] == ["LeNet (beneath MLP)", "MLP"]
    above = figures.draw(plan.study("spatial"), frames)["curves"].figure
    assert not [text for text in legends(above)[0].get_texts() if "beneath" in text.get_text()]


def test_a_rate_at_which_runs_fail_is_drawn_with_a_cross_for_each(plan: Plan, frames: Frames) -> None:
    """Three runs of the plain network fail from 0.4 on and stop; the others at 1.6."""
    arm = frames["arms"].query("study == 'gradients' and arm == 'none'")["arm_id"].iloc[0]
    mine = frames["runs"]["arm_id"] == arm
    early = mine & frames["runs"]["seed"].isin([0, 1, 2])
    last = frames["runs"]["largest_rate"].mask(mine, 0.8).mask(early, 0.2)
    rows = frames["profiles"].query("quantity == 'error_by_rate'")
    stopped = (rows["arm_id"] == arm) & rows["seed"].isin([0, 1, 2]) & (rows["position"] > 1)
    tables = {**frames, "runs": frames["runs"].assign(largest_rate=last), "profiles": rows[~stopped]}
    drawing = figures.draw(plan.study("gradients"), tables)["profiles"]
    (axes,) = drawing.figure.axes
    number = int((rows["arm_id"] == arm).sum() / rows["position"].nunique())
    note = f"3 of {number} fail at 0.4, all at 1.6"
    assert note in drawing.alt
    assert axes.get_legend().get_texts()[0].get_text().replace("\n", " ") == f"No normalization ({note})"
    plain = axes.lines[0]
    assert max(plain.get_xdata()) == pytest.approx(0.2)  # beyond, a mean over those that are left would mislead
    crosses = [found for found in axes.collections if len(found.get_offsets()) > 1 and len(found.get_paths()) == 1]
    drawn = np.concatenate([np.asarray(found.get_offsets()) for found in crosses])
    assert {round(float(x), 3) for x in drawn[:, 0]} >= {0.4, 0.8, 1.6}


def test_seeds_stand_beside_their_mean() -> None:
    figure = Figure()
    with style():
        draw_panels(figure, [Panel("loss", "layers", [Line("A", 0, {1.0: [1.0, 1.1], 2.0: [2.0, 2.1]})], dots=True)])
    (axes,) = figure.axes
    (dots,) = (found for found in axes.collections if len(found.get_offsets()) == 4)
    at = dots.get_offset_transform().transform(dots.get_offsets())[:, 0]
    means = axes.transData.transform([(1.0, 1.0), (1.0, 1.0), (2.0, 1.0), (2.0, 1.0)])[:, 0]
    apart = (at - means) * 72 / figure.dpi
    assert list(apart) == pytest.approx([5.5] * 4)  # a mark reaches 2.5 points, a dot 1.7


def test_a_few_values_are_compared_and_not_joined(drawn: Drawn) -> None:
    (axes,) = drawn["amount", "sweep"].figure.axes
    assert {line.get_linestyle() for line in axes.lines} == {"None"}
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["Width 4", "Width 16"]
    *_, errors = drawn["crowd", "sweep"].figure.axes
    assert {line.get_linestyle() for line in errors.lines} == {"-"}
    assert errors.get_xlabel() == "width"


def test_the_shades_of_confusions_reach_to_the_most_frequent_error(frames: Frames, drawn: Drawn) -> None:
    """And are the same in every panel; digits never touch; both axes are named."""
    figure = drawn["gradients", "confusion"].figure
    *panels, scale = figure.axes
    arms = frames["arms"].query("study == 'gradients'")["arm_id"]
    wrong = frames["confusion"][frames["confusion"]["arm_id"].isin(arms)].query("`class` != answer")
    for axes in (*panels, scale):
        (mesh,) = axes.collections
        assert mesh.norm.vmax == pytest.approx(max(0.5, 100 * wrong["share"].max()))
    for axes in panels:
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
        assert all(len(text.get_text()) <= 3 for text in axes.texts)
