"""Figures in print beside runs of the same recipe: what is comparable, and where it falls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from cnnlab.analysis.intervals import prediction
from cnnlab.analysis.tables import io, published
from cnnlab.analysis.tables.frames import Tables
from cnnlab.core import paths
from cnnlab.core.errors import UserError
from cnnlab.planning.config import load_config
from cnnlab.planning.plan import Plan, make_plan
from cnnlab.planning.published import Printed, load_published
from cnnlab.report import published as section

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def book() -> Plan:
    return make_plan(load_config([ROOT / "workflow/config/book.yaml"], ["device=cpu"]))


def printed(error: float = 10.0, **fields: Any) -> Printed:
    given = {"network": "Net", "edition": "first", "source": "a book", "protocol": "exact", "study": "s", "arm": "a"}
    return Printed(**{**given, "test_error": error, **fields})


def tables(errors: list[float], **columns: list[Any]) -> Tables:
    n = len(errors)
    runs = {"arm_id": ["id"] * n, "status": ["finished"] * n, "failed": [False] * n, **columns}
    runs["test_error"] = [error / 100 for error in errors]
    arms = pd.DataFrame({"study": ["s"], "arm": ["a"], "arm_id": ["id"]})
    return Tables({"arms": arms, "runs": pd.DataFrame(runs)})


def row(figure: Printed, found: Tables | None) -> dict[str, Any]:
    (made,) = published.rows([figure], {} if found is None else {"book": found})
    io.table("published", [made])  # it fits the schema
    return made


class TestPlaces:
    ERRORS = [9.0, 9.5, 10.0, 10.5, 11.0, 10.0]

    def test_a_figure_within_the_interval_for_one_run_is_inside(self) -> None:
        low, high = prediction(self.ERRORS)
        assert row(printed(low + 0.01), tables(self.ERRORS))["place"] == "inside"
        assert row(printed(low - 0.01), tables(self.ERRORS))["place"] == "outside"
        assert row(printed(high + 0.01), tables(self.ERRORS))["place"] == "outside"

    def test_an_accuracy_is_100_minus_the_error(self) -> None:
        made = row(printed(test_error=None, test_accuracy=90.0), tables(self.ERRORS))
        assert (made["printed"], made["mean"], made["n"]) == (10, pytest.approx(10), 6)
        assert json.loads(made["values"]) == self.ERRORS

    def test_only_the_same_recipe_is_compared(self) -> None:
        assert row(printed(protocol="proxy", differs="more images"), tables(self.ERRORS))["place"] == "not comparable"
        assert row(printed(protocol="unknown"), tables(self.ERRORS))["place"] == "not comparable"
        assert row(printed(), None)["place"] == "not run"
        assert row(printed(arm="other"), tables(self.ERRORS))["place"] == "not run"

    def test_few_runs_show_no_spread(self) -> None:
        made = row(printed(), tables(self.ERRORS[:4]))
        assert (made["place"], made["n"], made.get("low")) == ("not run", 4, None)

    def test_runs_that_were_lost_are_counted_and_left_out(self) -> None:
        found = tables(
            [*self.ERRORS, 90, 90],
            status=["finished"] * 7 + ["diverged"],
            failed=[False] * 6 + [True, False],
        )
        made = row(printed(), found)
        assert (made["n"], made["lost"], made["mean"]) == (6, 2, pytest.approx(10))


class TestPrediction:
    def test_it_is_that_of_statsmodels(self) -> None:
        values = [3.1, 2.9, 4.4, 3.7, 3.3]
        fitted = sm.OLS(values, np.ones(5)).fit().get_prediction([[1.0]])
        assert prediction(values) == pytest.approx(fitted.conf_int(obs=True)[0])

    def test_it_holds_what_it_says(self) -> None:
        draws = np.random.default_rng(0).normal(size=(20_000, 11))
        limits = np.array([prediction(sample) for sample in draws[:, :10]])
        inside = ((limits[:, 0] < draws[:, 10]) & (draws[:, 10] < limits[:, 1])).mean()
        assert abs(inside - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 20_000)


class TestFile:
    def test_what_is_compared_names_an_arm_that_is_there(self, book: Plan) -> None:
        arms = {(study.name, arm) for study in book.every for arm in study.arms}
        figures = load_published()
        assert len(figures) > 30
        assert {(figure.study, figure.arm) for figure in figures if figure.arm} <= arms
        assert {figure.tier for figure in figures} == {"book"}
        assert all(figure.arm for figure in figures if figure.protocol == "exact")

    def test_the_recipe_is_the_books(self, book: Plan) -> None:
        arms = book.study("book-lenet").arms
        for arm, rate in (("lenet", 0.9), ("by-hand", 1.0), ("built-in", 1.0)):
            spec = arms[arm].spec
            assert spec.data.name == "fashion-mnist"
            assert (spec.data.validation, spec.data.standardize) == (0, "unit")
            assert (spec.train.epochs, spec.train.batch_size, spec.train.learning_rate) == (10, 256, rate)
            assert (spec.train.momentum, spec.train.weight_decay, spec.train.schedule) == (0, 0, "constant")
            assert spec.model.switches["initialization"] == "d2l"
        assert len(book.study("book-lenet").seeds) == 10

    def test_its_networks_have_the_books_parameters(self, book: Plan) -> None:
        """61,706 with padding; without, 16 maps of 4 x 4 reach the dense layers, and each normalization has two."""
        from cnnlab import models

        def count(arm: str) -> int:
            model = models.build(book.study("book-lenet").arms[arm].spec.model, 1, 28, 10)
            assert str(model).count("Sigmoid") == 4
            return sum(parameter.numel() for parameter in model.parameters())

        assert count("lenet") == 61_706
        unpadded = 156 + 2_416 + (256 * 120 + 120) + 10_164 + 850
        assert count("by-hand") == count("built-in") == unpadded + 2 * (6 + 16 + 120 + 84)

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("- {network: N, edition: e, source: s, protocol: unknown}", "give test_accuracy or test_error"),
            ("- {network: N, edition: e, source: s, protocol: proxy, test_error: 5}", "differs: say what differs"),
            ("- {network: N, edition: e, source: s, protocol: exact, test_error: 5}", "give study and arm"),
            ("- {network: N, edition: e, source: s, protocol: unknown, test_error: 500}", "test_error"),
        ],
    )
    def test_a_mistake_is_one_line(
        self, text: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(paths, "PUBLISHED", tmp_path / "published.yaml")
        paths.PUBLISHED.write_text(text)
        with pytest.raises(UserError) as told:
            load_published()
        assert problem in str(told.value)
        assert "published.yaml" in str(told.value)
        assert "\n" not in str(told.value)

    def test_without_the_file_nothing_is_in_print(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(paths, "PUBLISHED", tmp_path / "none.yaml")
        assert load_published() == ()


class TestSection:
    def test_it_says_where_each_figure_falls(self) -> None:
        figures = [printed(10), printed(20, edition="second"), printed(9, network="Other", protocol="unknown")]
        rows = published.rows(figures, {"book": tables(TestPlaces.ERRORS)})
        view = section.build(Tables({"published": io.table("published", rows)}))
        assert view is not None
        assert view.summary == (
            "Of 3 figures in print, 2 can be held against runs of the same recipe here: 1 is inside (Net, first) and "
            "1 is outside (Net, second)."
        )
        assert view.table.groups == {0: "Net · 2 in print, 10.0 points apart", 2: "Other"}
        assert [cells[4].text for cells in view.table.rows] == ["inside", "outside", "not comparable"]
        assert "In print 20.00 %, our 6 runs between 9.00 and 11.00 %" in view.table.rows[1][3].plot
        assert view.commands == []

    def test_what_was_not_run_says_how(self) -> None:
        frame = io.table("published", published.rows([printed()], {}))
        view = section.build(Tables({"published": frame}))
        assert view is not None
        assert view.commands == [
            "snakemake --cores 4 --resources gpu=1 --configfile workflow/config/book.yaml --config studies=s"
        ]
        assert view.table.rows[0][2].hint == "not run at this tier"

    def test_nothing_in_print_is_no_section(self) -> None:
        assert section.build(Tables({"published": io.table("published", [])})) is None
