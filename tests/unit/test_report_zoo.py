"""The zoo in the report: cards, benchmark, computed claims, and on how many families an effect agrees."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import lxml.html
import pandas as pd
import pytest
from scipy.stats import t

from cnnlab import figures
from cnnlab.analysis import network_stages
from cnnlab.analysis.tables.columns import TABLES
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.cli.workflow import Rules
from cnnlab.figures import network_card
from cnnlab.figures.drawing.theme import COLOURS
from cnnlab.planning import model_registry
from cnnlab.planning.plan import Plan
from cnnlab.planning.specs import TrainSpec, TuneSpec
from cnnlab.planning.studies.figure_choice import NETWORKS, pictured
from cnnlab.planning.verdicts import Direction, Verdict
from cnnlab.report import render
from cnnlab.report.tables import settings
from cnnlab.wording import beside
from cnnlab.wording.numbers import Quantity, compact, count, exact, kibibytes, listed
from cnnlab.wording.verdicts import DIRECTIONS, counted
from tests import report_samples
from tests.report_samples import rendered, text_of
from tests.said import said

Frames = dict[str, pd.DataFrame]
# Titles of the columns of the table of cells.
HEADS = {
    "test_error": "Test error, pp",
    "steps_to_target": "Steps to the target validation accuracy, log₂ ratio",
    "first_gradient_norm": "Norm of the first layer's gradient at step 1, log₂ ratio",
    "early_gradient_norm": "Norm of the first layer's gradient (geometric mean of steps 1-10), log₂ ratio",
    "train_loss": "Training log-loss (evaluation mode), nats",
}
STUDIES = ("normalization", "residual", "matrix", "benchmark")
FINDINGS = report_samples.FINDINGS


@pytest.fixture(scope="module")
def frames(plan: Plan) -> Frames:
    return report_samples.zoo_frames(plan)


@pytest.fixture(scope="module")
def page(plan: Plan, frames: Frames) -> str:
    for name in ("matrix", "benchmark"):
        for figure, drawing in figures.draw(plan.study(name), frames).items():
            figures.save(drawing, plan.paths.figures / name / figure, f"{name}-{figure}")
    figures.draw_networks(frames, plan.paths)
    render(plan, frames, plan.paths.figures, plan.paths.report)
    return plan.paths.report.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def document(page: str) -> Any:
    return lxml.html.document_fromstring(page)


def table(document: Any, name: str) -> list[dict[str, str]]:
    """The rows of a table of the page by the titles of its columns."""
    element = document.get_element_by_id(name)
    heads = [text_of(head) for head in element.findall(".//thead//th")]
    rows = [row for row in element.findall(".//tbody/tr") if len(row) == len(heads)]
    return [dict(zip(heads, map(text_of, row), strict=True)) for row in rows]


def test_the_matrix_follows_the_ledger_and_stands_there_only(document: Any) -> None:
    verdicts = document.get_element_by_id("verdicts")
    *tables, figure = verdicts.iter("figure", "table")
    assert [table.get("id") for table in tables] == ["ledger", "untested"]
    assert figure.tag == "figure"
    assert "effect of each switch in each family" in figure.find(".//svg").get("aria-label")
    assert "a verdict comes from the architecture that its claim names" in text_of(figure)
    assert figure.find(".//figcaption/a").get("href") == "#cells-matrix"
    study = document.get_element_by_id("study-matrix")
    assert not study.findall(".//svg")


def test_the_table_of_cells_holds_every_metric_of_every_cell(frames: Frames, document: Any) -> None:
    rows = table(document, "cells-matrix")
    assert len(rows) == len(report_samples.FAMILIES) * len(report_samples.SWITCHES)
    labels = {family: label for family, (label, *_) in report_samples.FAMILIES.items()}
    titles = {switch: title for switch, (title, *_) in report_samples.SWITCHES.items()}
    where = {
        (row["Family"], title): row for row in rows for title in titles.values() if row["Switch"].startswith(title)
    }
    for _, cell in frames["contrasts"].query("study == 'matrix'").iterrows():
        shown = where[labels[cell["family"]], titles[cell["switch"]]][HEADS[cell["metric"]]]
        if cell["n"] < cell["n_planned"]:
            assert f"{cell['n']} of {cell['n_planned']} seeds" in shown
        else:
            number = Quantity(*(None if pd.isna(cell[key]) else cell[key] for key in ("estimate", "low", "high")))
            assert f"{number.value or 'no estimate'} ({number.interval or 'no bound'})" in shown
    for (family, switch), reason in report_samples.REFUSED.items():
        row = where[labels[family], titles[switch]]
        assert f"not applicable {reason}" in row["Test error, pp"]
        assert all(value for value in row.values())


def test_long_tables_are_folded_and_short_ones_are_not(document: Any) -> None:
    def folded(name: str) -> bool:
        return any(parent.tag == "details" for parent in document.get_element_by_id(name).iterancestors())

    assert all(folded(name) for name in ("cells-matrix", "arms-matrix", "contrasts-matrix"))
    assert not any(folded(name) for name in ("arms-residual", "contrasts-residual", "benchmark-benchmark", "ledger"))


def test_the_benchmark_is_sorted_by_error_and_its_numbers_are_those_of_the_tables(
    frames: Frames, document: Any
) -> None:
    rows = table(document, "benchmark-benchmark")
    runs = frames["runs"][frames["runs"]["epochs"] == 8]
    costs, measured = frames["measured/cost"], frames["measured/runs"]
    errors = []
    for row in rows[:-1]:
        family = next(name for name, (label, *_) in report_samples.FAMILIES.items() if label == row["Network"])
        mine = runs[runs["architecture"] == family]
        values = 100 * mine["test_error"].to_numpy(dtype=float)
        half = t.isf(0.025, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
        mean = values.mean()
        assert row["Test error, %"] == f"{mean:.1f} ({mean - half:.1f} to {mean + half:.1f})"
        errors.append(mean)
        (cost,) = costs[costs["arm_id"] == mine["arm_id"].iloc[0]].to_dict("records")
        assert row["Parameters"] == count(cost["parameters"])
        assert row["Multiply-accumulates"] == count(cost["macs"])
        assert row["Images a second"] == count(cost["images_per_second"])
        seconds = measured[measured["arm_id"] == cost["arm_id"]]["cpu_seconds"].median()
        assert row["CPU seconds a run"] == f"{seconds:.1f}"
        assert row["Epochs"] == "8"
    assert errors == sorted(errors)
    assert rows[-1]["Network"] == "GoogLeNet"
    assert "missing: shown when all seeds are finished" in rows[-1]["Test error, %"]
    assert {row["Network"]: row["Pareto front"] for row in rows}["MLP"] == "MACs"


def test_every_grid_of_learning_rates_of_a_study_is_told(plan: Plan) -> None:
    study = plan.study("benchmark")
    name, arm = next(iter(study.arms.items()))
    other = TrainSpec(epochs=8, tune=TuneSpec(rates=(0.002, 0.004), epochs_share=0.25))
    arms = {**study.arms, name: replace(arm, spec=arm.spec.model_copy(update={"train": other}))}
    table = settings.settings([replace(study, arms=arms)])
    told = dict(zip((column.title for column in table.columns), (cell.text for cell in table.rows[0]), strict=True))
    assert told["Learning rates tried"] == "0.002, 0.004 / 0.01, 0.03, 0.1, 0.3"
    assert told["Tuned for"] == "25 % / 33 %"


def test_a_benchmark_without_measured_costs_says_so(plan: Plan, frames: Frames, tmp_path: Path) -> None:
    left = {name: frame for name, frame in frames.items() if name not in ("measured/cost", "layers")}
    document = rendered(plan, left, tmp_path, tmp_path / "report.html")
    assert all("not measured yet" in row["Parameters"] for row in table(document, "benchmark-benchmark"))


def test_computed_claims_stand_in_the_ledger_with_their_checks_and_what_was_found(document: Any) -> None:
    listed = [[text_of(cell) for cell in row] for row in document.get_element_by_id("ledger").findall(".//tbody/tr")]
    rows = {cells[0].split()[0]: cells for cells in listed if cells[0].split()[0] in FINDINGS}
    assert len(rows) == len(FINDINGS)
    assert {key: verdict.lstrip("✓× ") for key, (_, _, verdict, _) in rows.items()} == {
        "C02": "holds 2 of 2 checks",
        "C19": "fails 1 of 2 checks",
        "C31": "holds 1 of 1 checks",
    }
    assert {key: cells[-1] for key, cells in rows.items()} == {key: found for key, (_, found) in FINDINGS.items()}
    summary = text_of(document.get_element_by_id("verdicts").find_class("summary")[0])
    said(summary, counted(Verdict.HOLDS, 2), counted(Verdict.FAILS, 1))


def test_every_number_of_the_evidence_is_shown_and_says_whether_it_decides(document: Any) -> None:
    for key, evidence in report_samples.EVIDENCE.items():
        rows = table(document, f"evidence-claim-{key}")
        assert [row["Case"] for row in rows] == [case for case, *_ in evidence]
    parts = table(document, "evidence-claim-C19")
    assert [row["Value"] for row in parts] == ["4", "2", "28", "14"]
    assert parts[0]["Must be"] == "= 2 halved"
    assert [row["Holds"].lstrip("✓× ") for row in parts] == ["fails", "holds", "only shown", "holds only shown"]
    tiny = table(document, "evidence-claim-C31")
    assert [row["Value"] for row in tiny] == ["1.2 × 10⁻⁷", "infinite"]
    article = document.get_element_by_id("claim-C19")
    assert "1 of 2 checks hold; 2 numbers beside" in text_of(article.find(".//summary"))


def test_every_architecture_has_a_card_with_pictures_presets_and_layers(frames: Frames, document: Any) -> None:
    layers = frames["layers"]
    for name, found in model_registry.architectures().items():
        article = document.get_element_by_id(f"network-{name}")
        assert found.title in text_of(article)
        assert found.paper in text_of(article)
        shown = pictured(found.presets)
        assert len(article.findall(".//svg")) == len(shown)
        presets = table(document, f"presets-{name}")
        assert [row["Preset"].split()[0] for row in presets] == list(found.presets)
        for row in presets:
            mine = layers[(layers["architecture"] == name) & (layers["preset"] == row["Preset"].split()[0])]
            assert row["Parameters"] == count(mine["parameters"].sum())
            assert row["Multiply-accumulates"] == count(mine["macs"].sum())
            assert row["Activations, KiB"] == kibibytes(mine["activation_bytes"].sum())
        for preset in shown:
            mine = layers[(layers["architecture"] == name) & (layers["preset"] == preset)].sort_values("index")
            rows = table(document, f"layers-{name}-{preset}")
            assert [row["Layer"] for row in rows] == list(mine["layer"])
            assert [row["Out"] for row in rows] == ["N×" + text.replace("x", "×") for text in mine["output_shape"]]
            assert [row["MACs"] for row in rows] == [count(number) for number in mine["macs"]]


def test_planning_names_the_pictures_that_are_drawn(plan: Plan, frames: Frames) -> None:
    figures.draw_networks(frames, plan.paths)
    rules = object.__new__(Rules)
    rules.plan = plan
    assert sorted(rules.network_figures) == sorted(map(str, (plan.paths.figures / NETWORKS).iterdir()))


def test_convolutions_are_seen_to_carry_four_dimensions_and_dense_layers_two(document: Any) -> None:
    rows = table(document, "layers-lenet-small")
    dimensions = {row["Kind"]: (row["In"].count("×"), row["Out"].count("×")) for row in rows}
    assert dimensions["Conv2d"] == (3, 3)
    assert dimensions["Linear"] == (1, 1)
    assert dimensions["Flatten"] == (3, 1)


@pytest.fixture(scope="module")
def networks(frames: Frames) -> dict[tuple[str, str], network_stages.Network]:
    return network_stages.networks(Tables(frames))


def test_stages_add_up_and_follow_each_other(networks: dict[tuple[str, str], network_stages.Network]) -> None:
    """Parameters and MACs of the stages are those of the network; GoogLeNet's stages give all four branches."""
    for network in networks.values():
        assert sum(stage.parameters for stage in network.stages) == network.parameters
        assert sum(stage.macs for stage in network.stages) == network.macs
        assert network.stages[-1].shape == (network.classes,)
    google = networks["googlenet", "d2l"]
    shapes = {stage.name: stage.shape for stage in google.stages}
    assert (shapes["stage3"], shapes["stage5"]) == ((480, 6, 6), (1024, 3, 3))


def test_a_picture_tells_every_stage_in_the_colours_of_the_page(
    networks: dict[tuple[str, str], network_stages.Network],
) -> None:
    for (name, preset), network in networks.items():
        drawn = network_card.draw(network, f"networks-{name}-{preset}", f"{name} {preset}")
        assert drawn == network_card.draw(network, f"networks-{name}-{preset}", f"{name} {preset}")
        assert len(drawn) < 20_000
        root = ET.fromstring(drawn)
        written = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
        alt = root.findtext("{http://www.w3.org/2000/svg}desc", "")
        for stage in network.stages:
            assert {stage.name, network_stages.told(stage.shape)} <= set(written)
            assert (
                f"{stage.name} gives {network_stages.told(stage.shape)}, {compact(stage.parameters)} parameters" in alt
            )
        _, _, width, height = map(float, root.get("viewBox", "").split())
        for box in root.iter("{http://www.w3.org/2000/svg}rect"):
            x, y, wide, high = (float(box.get(key, "nan")) for key in ("x", "y", "width", "height"))
            assert 0 <= x <= x + wide <= width
            assert 0 <= y <= y + high <= height
        assert set(re.findall(r"#[0-9a-f]{6}", drawn)) <= {shades[0] for shades in COLOURS.values()}


def cell(**changes: Any) -> Row:
    """A cell of a matrix in the row format of ``contrasts``: 2 pp, between 1.5 and 2.5."""
    row = dict.fromkeys(TABLES["contrasts"].columns) | {"study": "m", "switch": "pooling", "extension": "C07"}
    numbers = {"estimate": 2.0, "low": 1.5, "high": 2.5, "low90": 1.6, "high90": 2.4}
    weights = '{"with": 1, "without": -1}'
    rest = {"metric": "test_error", "contrast": weights, "n": 5, "n_planned": 5, "method": "t"}
    return row | numbers | rest | changes


SMALL = {"low": -0.4, "high": 0.4, "low90": -0.3, "high90": 0.3}
BELOW = {"low": -2.5, "high": -1.5, "low90": -2.4, "high90": -1.6}


@pytest.mark.parametrize(
    ("direction", "changes", "expected"),
    [
        ("greater", {}, "supported"),
        ("greater", BELOW, "contradicted"),
        ("less", BELOW, "supported"),
        ("greater", SMALL, "equivalent"),
        ("equal", SMALL, "supported"),
        ("equal", SMALL | {"low": -1.2}, "supported"),  # the 90 % interval decides
        ("equal", {}, "contradicted"),
        ("not-greater", SMALL, "supported"),
        ("not-greater", {}, "contradicted"),
        ("greater", {"low": 0.5}, "inconclusive"),
        ("greater", {"low": None}, "inconclusive"),
        ("greater", {"high": None}, "supported"),
        ("greater", {"n": 4, "n_planned": 4}, "inconclusive"),
        ("greater", {"method": "sign"}, "inconclusive"),
        ("greater", {"n": 3}, "running"),
    ],
)
def test_a_family_stands_where_its_interval_lies(direction: Any, changes: dict[str, Any], expected: str) -> None:
    assert beside.standing(direction, 1.0, cell(**changes)) == expected


def say(cells: list[Row], **changes: Any) -> list[str]:
    claim = {"study": "p", "claim": "C07", "direction": "greater", "margin": 1.0, "unit": "pp"}
    part = cell(**claim | {"contrast": '{"a": 1, "b": -1}'} | changes)
    frame = pd.DataFrame(cells, columns=list(TABLES["contrasts"].columns))
    names = {("m", name): name.upper() for name in "abcdef"}
    arms = [("m", "with", 4), ("m", "without", 12), ("m", "dead", 4), ("p", "a", 20), ("p", "b", 20)]
    epochs = pd.DataFrame(arms, columns=["study", "arm", "epochs"])
    epochs["label"], epochs["did_not_train"] = epochs["arm"], epochs["arm"].map({"dead": "errs in 60 %"})
    return beside.across_families([part], Tables({"contrasts": frame, "arms": epochs}), names)


@pytest.mark.parametrize("direction", Direction)
def test_families_are_counted_and_named(direction: Direction) -> None:
    """By where the interval of each lies, in the order of the verdicts."""
    changes = {"a": {}, "b": BELOW, "c": SMALL, "d": {"low": 0.5}, "e": {}, "f": {"n": 2}}
    cells = [cell(family=name, **values) for name, values in changes.items()]
    verdicts = {row["family"].upper(): beside.standing(direction, 1.0, row) for row in cells}
    (text,) = say(cells, direction=direction)
    said(text, "6 families", "test error, margin 1 pp", "4 or 12 epochs", "20 for the claim")
    parts = []
    for verdict, place in DIRECTIONS[direction].places.items():
        names = [name for name, given in verdicts.items() if given == verdict]
        parts += [f"{place.counted} on {len(names)} ({listed(names)})"] if names else []
    said(text, *parts)
    assert sum(len(part) for part in parts) + 2 * (len(parts) - 1) == len(text.partition("): ")[2].removesuffix("."))


def test_a_family_one_of_whose_arms_did_not_train_is_named_and_not_counted() -> None:
    cells = [cell(family="a"), cell(family="b", contrast='{"with": 1, "dead": -1}')]
    (text,) = say(cells)
    said(text, "on 1 family (test error", "on 1 (A); not counted 1 (B), where an arm did not train.")
    (text,) = say(cells[1:])
    assert text.startswith("A contrast of the same kind on no family that trained in both arms (test error")
    assert text.endswith("claim): not counted 1 (B), where an arm did not train.")
    initial = [one | {"metric": "first_gradient_norm"} for one in cells]  # which was measured before
    said(say(initial, metric="first_gradient_norm")[0], "on 2 families", "on 2 (A and B).")


def test_only_cells_beside_the_claim_with_its_metric_count() -> None:
    others = [cell(family="a", extension="C06"), cell(family="b", metric="test_loss"), cell(family="c", switch=None)]
    assert say(others) == []
    said(say([*others, cell(family="d")])[0], "on 1 family (test error", "on 1 (D).")
    assert say([cell(family="a")], contrast='{"a": 1, "b": -1, "c": -1, "d": 1}') == []


def test_the_article_of_a_claim_says_on_how_many_families_it_agrees(frames: Frames, document: Any) -> None:
    article = text_of(document.get_element_by_id("claim-C28-lenet-normalization"))
    cells = frames["contrasts"].query("extension == 'C28' and metric == 'test_error' and study == 'matrix'")
    said(article, "C28", f"on {len(cells)} families", "not finished on 1 (GoogLeNet)")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (61706, "61,706"),
        (-3.0, "−3"),
        (0.0, "0"),
        (0.7812, "0.7812"),
        (23671.27, "23,671.3"),
        (2.5, "2.5"),
        (1.25e-7, "1.2 × 10⁻⁷"),
        (-3e-5, "−3.0 × 10⁻⁵"),
        (1e15, "1.0 × 10¹⁵"),
        (math.inf, "infinite"),
    ],
)
def test_computed_numbers_are_shown_as_they_are(value: float, expected: str) -> None:
    assert exact(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (156, "156"),
        (999, "999"),
        (1000, "1.00 k"),
        (61706, "61.7 k"),
        (999_950, "1.00 M"),
        (46_764_746, "46.8 M"),
        (0, "0"),
    ],
)
def test_large_counts_in_three_digits(value: float, expected: str) -> None:
    assert compact(value) == expected


@pytest.mark.parametrize(
    ("presets", "expected"),
    [
        (("small", "d2l", "paper"), ("small", "d2l")),
        (("small", "paper"), ("small", "paper")),
        (("small",), ("small",)),
        (("tiny", "torchvision"), ("tiny",)),
        (("paper", "small"), ("small", "paper")),
    ],
)
def test_a_card_shows_what_is_trained_and_the_full_size(presets: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert pictured(presets) == expected


def test_the_page_is_sound_and_small(page: str, document: Any) -> None:
    ids = [element.get("id") for element in document.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for link in document.iter("a"):
        assert link.get("href")[1:] in ids or link.get("href").startswith("https://")
    for image in document.iter("svg"):
        assert image.get("aria-label")
    words = {word.strip("(),;:.") for word in text_of(document.find(".//body")).split()}
    assert not {"nan", "NaN", "None", "<NA>", "inf", "-inf"} & words
    followed = r'<a href="https://[^"]*"|url = \{https://[^}]*|value="http://127.0.0.1:5000"|http-equiv'
    assert "http" not in re.sub(followed, "", page.partition('<template id="tables-in-full">')[0])
    assert len(page) < 3_000_000
