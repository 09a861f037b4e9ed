"""Accuracy by class and what else was measured: from the answers to the test images to the folded tables."""

from __future__ import annotations

import math

import lxml.html
import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from cnnlab.analysis.tables import classes
from cnnlab.analysis.tables.frames import Tables
from cnnlab.figures import confusion
from cnnlab.planning.plan import Plan
from cnnlab.report.tables import arms as armtable
from cnnlab.report.tables import classes as classtable
from cnnlab.report.tables import metrics
from cnnlab.report.tables.view import Cell
from tests.report_samples import rendered

Frames = dict[str, pd.DataFrame]
STUDIES = ("gradients", "amount")


def test_a_confusion_matrix_counts_answers_by_label() -> None:
    found = classes.confusion(np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 0, 0]))
    assert found.tolist() == [[1, 1, 0], [0, 1, 0], [2, 0, 1]]


class Answered:
    """A run of three images."""

    def __init__(self, **images: list[int]) -> None:
        self.images = {name: np.array(values) for name, values in images.items()}

    def test(self) -> dict[str, np.ndarray]:
        return self.images


def test_accuracy_is_a_mean_over_runs_and_ties_go_to_the_first_class(plan: Plan) -> None:
    arm = next(iter(plan.arms()))
    runs = {0: Answered(label=[0, 0, 2], predicted=[0, 1, 2]), 1: Answered(label=[0, 0, 2], predicted=[2, 0, 2])}
    first, last = classes.rows(plan, {arm: runs})
    expected = {"images": 2, "runs": 2, "accuracy": 0.5, "mistaken_for": "1", "mistaken_share": 0.25}
    assert {key: first[key] for key in expected} == expected
    assert (last["class"], last["accuracy"], last["mistaken_for"], last["mistaken_share"]) == (2, 1.0, None, None)


def test_runs_without_answers_are_left_out(plan: Plan) -> None:
    arm = next(iter(plan.arms()))
    assert list(classes.rows(plan, {arm: {0: Answered(correct=[1, 0])}})) == []
    assert list(classes.rows(plan, {})) == []


def test_runs_that_never_give_the_last_answer_are_counted_with_those_that_do(plan: Plan) -> None:
    arm = next(iter(plan.arms()))
    runs = {0: Answered(label=[0, 1], predicted=[0, 2]), 1: Answered(label=[0, 1], predicted=[0, 1])}
    shares = {(row["class"], row["answer"]): row["share"] for row in classes.confusion_rows(plan, {arm: runs})}
    assert shares == {(0, 0): 1, (1, 1): 0.5, (1, 2): 0.5}


def test_the_table_of_confusion_has_the_shares_of_every_class(frames: Frames) -> None:
    rows, accuracy = frames["confusion"], frames["classes"]
    assert rows.groupby(["arm_id", "class"])["share"].sum().to_numpy(float) == pytest.approx(1)
    right = rows[rows["class"] == rows["answer"]].set_index(["arm_id", "class"])["share"]
    pd.testing.assert_series_equal(
        right, accuracy.set_index(["arm_id", "class"])["accuracy"], check_names=False, check_exact=False
    )
    assert set(rows["answer_name"]) <= set("0123456789")


def test_the_figure_of_confusion_names_the_most_frequent_errors(plan: Plan, frames: Frames) -> None:
    figure, alt = confusion.draw(plan.study("gradients"), frames)
    for arm in plan.study("gradients").arms.values():
        rows = frames["confusion"][frames["confusion"]["arm_id"] == arm.spec.arm_id]
        worst = rows[rows["class"] != rows["answer"]].sort_values("share").iloc[-1]
        assert f"{arm.label}: {100 * worst['share']:.1f} % of {worst['name']} as {worst['answer_name']}" in alt
    written = [text.get_text() for axes in figure.axes for text in axes.texts]
    shown = frames["confusion"]
    shown = shown[shown["arm_id"].isin([arm.spec.arm_id for arm in plan.study("gradients").arms.values()])]
    wrong = shown[(shown["class"] != shown["answer"]) & (shown["share"] >= 0.001)]["share"]
    assert sorted(text for text in written if "." in text and len(text) < 5) == sorted(f"{100 * s:.1f}" for s in wrong)


def test_many_classes_are_left_to_the_table(plan: Plan, frames: Frames) -> None:
    study = plan.study("gradients")
    arm = next(iter(study.arms.values())).spec.arm_id
    row = {"arm_id": arm, "name": None, "answer_name": None, "share": 1.0}
    many = pd.DataFrame([row | {"class": index, "answer": index} for index in range(100)])
    assert confusion.draw(study, frames | {"confusion": many})[1].startswith("100 classes are too many")
    bare = {name: frame for name, frame in frames.items() if name != "confusion"}
    assert confusion.draw(study, bare)[1] == "No run has left its answers yet."


def test_the_mean_over_classes_is_the_accuracy_of_the_arm(plan: Plan, frames: Frames) -> None:
    rows = frames["classes"]
    assert set(rows["name"]) == set("0123456789")
    for arm_id, mine in rows.groupby("arm_id"):
        errors = frames["runs"][frames["runs"]["arm_id"] == arm_id]["test_error"].dropna()
        weighted = (mine["accuracy"] * mine["images"]).sum() / mine["images"].sum()
        assert weighted == pytest.approx(1 - errors.mean(), abs=1e-3)
    four = rows[rows["name"] == "4"]
    assert set(four["mistaken_for"]) == {"9"}


def test_the_table_of_classes_shows_accuracy_and_the_most_frequent_mistake(plan: Plan, frames: Frames) -> None:
    view = classtable.build(plan.study("gradients"), Tables(frames))
    assert view is not None
    assert [column.title for column in view.columns] == ["Arm", *"0123456789"]
    arm = plan.study("gradients").arms["none"].spec.arm_id
    rows = frames["classes"]
    row = rows[(rows["arm_id"] == arm) & (rows["name"] == "4")].iloc[0]
    expected = Cell(f"{100 * row['accuracy']:.1f}", note=f"{100 * row['mistaken_share']:.1f} as 9")
    assert view.rows[0][5] == expected


def test_of_many_classes_the_hardest_are_shown(plan: Plan, frames: Frames) -> None:
    arm = plan.study("gradients").arms["none"].spec.arm_id
    rows = [
        {"arm_id": arm, "class": index, "name": f"c{index}", "images": 5, "accuracy": index / 100, "mistaken_for": None}
        for index in range(100)
    ]
    view = classtable.build(plan.study("gradients"), Tables({"classes": pd.DataFrame(rows)}))
    assert view is not None
    assert [column.title for column in view.columns[1:]] == [f"c{index}" for index in range(12)]
    assert view.caption.endswith("the 12 hardest of 100 classes")
    assert all(cell.missing for cell in view.rows[1][1:])


def test_without_answers_there_is_no_table(plan: Plan, frames: Frames) -> None:
    assert classtable.build(plan.study("gradients"), Tables({})) is None
    assert metrics.build(plan.study("gradients"), armtable.read(plan.study("gradients"), Tables({}))) is None


def test_what_else_was_measured_is_a_column_each(plan: Plan, frames: Frames) -> None:
    study = plan.study("gradients")
    view = metrics.build(study, armtable.read(study, Tables(frames)))
    assert view is not None
    heads = [column.title for column in view.columns]
    assert {"Expected calibration error on test images, %", "Mean validation accuracy over training, %"} <= set(heads)
    assert not {"Test error, %", "Training error (evaluation mode), %"} & set(heads)
    place = heads.index("Expected calibration error on test images, %")
    arm = study.arms["batch"].spec.arm_id
    found = 100 * frames["runs"][frames["runs"]["arm_id"] == arm]["calibration_error"].to_numpy(dtype=float)
    half = t.isf(0.025, len(found) - 1) * found.std(ddof=1) / math.sqrt(len(found))
    assert f"{found.mean():.2f}" in str(view.rows[1][place].text)
    assert f"{found.mean() - half:.2f} to {found.mean() + half:.2f}" in str(view.rows[1][place].text)
    assert view.rows[0][place].note == "of 7 runs"  # one diverged


def test_both_tables_are_folded(plan: Plan, frames: Frames) -> None:
    document = rendered(plan, frames, plan.paths.figures)
    for name in ("classes-gradients", "measures-gradients", "classes-amount"):
        element = document.get_element_by_id(name)
        assert any(parent.tag == "details" for parent in element.iterancestors())
    untrained = document.get_element_by_id("arms-amount").findall(".//tbody/tr")[-1]
    assert "it is left as it was initialized" not in untrained.text_content()
    assert "not trained" in untrained[1].text_content()
    assert "not trained" in untrained[4].text_content()
    assert "mlp" not in untrained[0].text_content()
    assert "hog_svm" in untrained[0].text_content()
    assert "no network is used" in lxml.html.tostring(untrained[6], encoding="unicode")
    assert "HOG and SVM" in document.get_element_by_id("study-amount").text_content()
