"""What can be taken from the page: its tables in full, and what its columns mean."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any

import lxml.html
import pandas as pd
import pytest

from cnnlab.analysis.tables.frames import Tables
from cnnlab.planning.plan import Plan
from cnnlab.report import render
from cnnlab.report import taken as taken_rows
from cnnlab.report.glossary import Glossary
from cnnlab.report.tables.view import Column, Number, table
from cnnlab.report.taken import InFull, csv_lines

STUDIES = ("normalization", "activation")
Frames = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def document(plan: Plan, frames: Frames) -> Any:
    render(plan, frames, plan.paths.figures, plan.paths.report)
    return lxml.html.fromstring(plan.paths.report.read_text(encoding="utf-8"))


def written(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, lineterminator="\n")


def held(document: Any) -> dict[str, Any]:
    packed = document.get_element_by_id("tables-in-full").text_content()
    held: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(packed)))
    return held


def taken(document: Any, needed: str) -> list[str]:
    """The lines of what an element says that it shows."""
    lines = []
    for name, ranges in (part.split(":") for part in needed.split()):
        for span in ranges.split(","):
            first, _, last = span.partition("-")
            lines += [held(document)[name]["lines"][str(at)] for at in range(int(first), int(last or first) + 1)]
    return lines


def test_the_ledger_holds_the_whole_table_of_claims_byte_by_byte(document: Any, frames: Frames) -> None:
    rows = taken(document, document.get_element_by_id("ledger").get("data-rows"))
    text = "\n".join([held(document)["claims"]["head"], *rows]) + "\n"
    assert text == written(frames["claims"])


def test_a_table_of_contrasts_holds_those_of_its_study(document: Any, frames: Frames) -> None:
    rows = taken(document, document.get_element_by_id("contrasts-activation").get("data-rows"))
    both = [frames[name].query("study == 'activation'") for name in ("contrasts", "measured/contrasts")]
    assert rows == [line for frame in both for line in csv_lines(written(frame))[1:]]


def test_a_figure_holds_the_runs_that_it_shows(document: Any, frames: Frames) -> None:
    needed = document.xpath("//figure[@data-figure='activation-errors']")[0].get("data-rows")
    assert {part.split(":")[0] for part in needed.split()} == {"arms", "runs", "curves-means"}
    arms = set(frames["arms"].query("study == 'activation'")["arm_id"])
    shown = frames["runs"][frames["runs"]["arm_id"].isin(arms)]
    runs = next(part for part in needed.split() if part.startswith("runs:"))
    assert taken(document, runs) == csv_lines(written(shown))[1:]


def test_curves_are_held_as_means_over_the_runs_that_ended(document: Any, frames: Frames) -> None:
    needed = document.xpath("//figure[@data-figure='activation-curves']")[0].get("data-rows").split()
    others = [
        figure.get("data-rows") for figure in document.xpath("//figure[starts-with(@data-figure, 'activation-')]")
    ]
    assert sum(needed[-1] in rows for rows in others) > 1  # held once for all figures of the study
    head = held(document)["curves-means"]["head"]
    assert head.startswith("arm,arm_label,step,epoch,n,train_loss_mean,")
    rows = [dict(zip(head.split(","), line.split(","), strict=True)) for line in taken(document, needed[-1])]
    arm_id = frames["arms"].query("study == 'activation' and arm == 'relu'")["arm_id"].item()
    curves = frames["curves"]
    first = curves[(curves["arm_id"] == arm_id) & (curves["epoch"] == 1)]["validation_accuracy"]
    row = next(row for row in rows if (row["arm"], row["epoch"]) == ("relu", "1"))
    assert int(row["n"]) == len(first) == 8
    assert float(row["validation_accuracy_mean"]) == pytest.approx(first.mean(), rel=1e-4)
    assert float(row["validation_accuracy_sd"]) == pytest.approx(first.std(), rel=1e-3)


def test_means_that_are_too_many_stay_out(plan: Plan, frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    study = plan.study("activation")
    assert "curves-means:0-13" in InFull(Tables(frames)).of_figure(study, "curves")
    monkeypatch.setattr(taken_rows, "LONGEST", 13)
    assert "curves" not in InFull(Tables(frames)).of_figure(study, "curves")


def test_a_table_made_of_several_is_taken_as_it_is_shown(document: Any) -> None:
    assert document.get_element_by_id("arms-activation").get("data-rows") is None
    assert document.get_element_by_id("settings").get("data-rows") is None


def test_a_text_of_several_lines_stays_one_row() -> None:
    frame = pd.DataFrame({"a": ['two\nlines and a " sign', "one"], "b": [0.1, 1 / 3]})
    lines = csv_lines(written(frame))
    assert len(lines) == 3
    assert "\n".join(lines) + "\n" == written(frame)


def test_rows_are_held_once_and_only_if_they_are_shown(frames: Frames) -> None:
    tables = Tables(frames)
    full = InFull(tables)
    runs = tables.rows("runs")
    view = table("some", "Some", [Column("Run", lambda run: str(run["run_id"]))], [runs[0], runs[2]])
    assert full.of_table(view) == full.of_table(view) == "runs:0,2"
    packed = json.loads(gzip.decompress(base64.b64decode(full.packed)))
    assert list(packed) == ["runs"]
    assert list(packed["runs"]["lines"]) == ["0", "2"]


def test_every_explained_head_leads_to_its_explanation(document: Any) -> None:
    explained = document.xpath("//table[.//thead//th[@title]]")
    assert len(explained) > 10
    for view in explained:
        (link,) = document.xpath(f"//a[@data-table='{view.get('id')}']")
        place = document.get_element_by_id(link.get("href")[1:])
        meanings = " ".join(place.text_content().split()).lower()
        for head in view.xpath(".//thead//th[@title]"):
            of_one_table = r"^[\d,]+ test images; "
            assert re.sub(of_one_table, "", " ".join(head.get("title").split())).lower() in meanings


def test_heads_that_mean_the_same_are_explained_together() -> None:
    glossary = Glossary()
    columns = [Number(name, lambda row: None, "Mean over seeds") for name in ("One", "Two", "Three", "Four", "Five")]
    assert glossary.of(table("measures-a", "A", columns, [])) == "columns-measures"
    assert glossary.of(table("measures-b", "B", [Column("Six", lambda row: None, "Mean over seeds")], [])) != ""
    assert glossary.of(table("plain-a", "A", [Column("Six", lambda row: None)], [])) == ""
    (title, meanings), *others = glossary.entries.values()
    assert (title, meanings) == ("What else was measured", {"One; Two; Three; and 3 more": "Mean over seeds"})
    assert not others
