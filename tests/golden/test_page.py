"""Golden page: every word of the report of the sample plan, so that a change of wording is read as a diff, once.

Left out is what other files hold (styles, script, drawings) and what is nobody's wording (ids, folders, versions); of
long tables there are the first rows only. A change that is meant: `pytest tests/golden --accept-golden`, and read the
diff of `page.html`.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from difflib import unified_diff
from pathlib import Path

import pandas as pd
import pytest

from cnnlab.core.git import Commit
from cnnlab.core.validation import digest
from cnnlab.planning.specs import ArmSpec
from cnnlab.planning.studies.lock import Lock
from cnnlab.report import locks, render, study_section
from cnnlab.wording.locks import Runs, age
from tests import report_samples

PAGE = Path(__file__).with_name("page.html")
# Two arms; one whose rate is at an edge; a claim of several parts; a running one; profiles and filters; a sweep and an
# arm without a network; a matrix; a benchmark.
STUDIES = ("normalization", "activation", "residual", "head", "gradients", "amount", "matrix", "benchmark")
NETWORKS = ("lenet", "resnet_cifar")  # whose layers are in the tables
ROBUSTNESS = {
    "id": "C26",
    "part": "main",
    "study": "normalization",
    "verdict": "supported",
    "margin_halved": "supported",
    "margin_doubled": "inconclusive",
    "leave_one_out": json.dumps({"supported": 6, "inconclusive": 2}),
    "leave_one_out_same": 6,
    "n": 8,
    "stands_ledger_wide": True,
}
ROWS = 4  # of a long table
LONG = 30
DIFF = 60  # lines

NEUTRAL = {
    r"(?s)(?<=<style>\n).*(?=\n</style>)": "STYLE",
    r"(?s)<script[^>]*>\n.*?\n</script>\n": "",
    r"(?s)<svg([^>]*)>.*?</svg>": lambda svg: f"<svg{_label(svg[1])}>",
    r"(?<=<dt>Analysed with</dt><dd>).*(?=</dd>)": "VERSIONS",
    r'(?<=<template id="tables-in-full">)[^<]*': "TABLES",
    r"(?<=note = \{)cnnlab [^,]*": "VERSION",
    r"\b[0-9a-f]{16,}\b": "ID",
    r"(?<=[a-z0-9]-)[0-9a-f]{10}\b": "ID",
}


def _label(attributes: str) -> str:
    found = re.search(r' aria-label="[^"]*"', attributes)
    return found[0] if found else ""


def stable_id(arm: ArmSpec) -> str:
    """An id that a new field of a spec leaves as it is: the numbers of the sample runs follow from it."""
    data, train = arm.data.model_dump(mode="json", exclude_defaults=True), arm.train
    identity = [arm.model.switches, data, train.epochs, train.learning_rate, train.classifier]
    return f"{arm.model.architecture}-{digest(identity)}"


def shortened(rows: re.Match[str]) -> str:
    """The body of a table; of a long one the first rows, and how many there are."""
    parts = rows[0].split("<tr")
    if len(parts) <= LONG:
        return rows[0]
    return "<tr".join(parts[: 1 + ROWS]) + f"... {len(parts) - 1} rows\n</tbody>"


def neutral(page: str, folder: Path) -> str:
    """The page without what does not belong to it: see above."""
    page = page.replace(str(folder), "FOLDER")
    for pattern, instead in NEUTRAL.items():
        page = re.sub(pattern, instead, page)
    ledger = page.index('<table id="ledger"')
    rest = page.index("</table>", ledger)
    return page[:rest] + re.sub(r"(?s)<tbody>.*?</tbody>", shortened, page[rest:])


def locked(commit: Commit) -> dict[str, locks.LockHistory]:
    """One study was locked before its runs; another was locked anew after some of them, and departs from that."""
    first, anew = Lock(hash="0123456789", plan={}), Lock(hash="9876543210", reason="a pilot left no room", plan={})
    before = locks.Entry(first, commit, age(Runs(finished=16, younger=16, under_it=16)), "")
    late = Runs(finished=16, younger=4, older=10, dirty=2, under_it=4, under_another=10)
    after = locks.Entry(anew, None, age(late), "claims.C06.requires.0.margin from 0.5 to 1")
    return {
        "normalization": locks.LockHistory([before], bound=True),
        "activation": locks.LockHistory([before, after], "seeds from 0–7 to 0–9; arms.tanh added", cuts=[commit]),
    }


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    commit = Commit("0123abc", datetime(2025, 3, 2, 23, 30, tzinfo=UTC))
    histories = locked(commit)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ArmSpec, "arm_id", property(stable_id))
        patch.setattr(study_section, "last_commit", lambda path: None if path.stem == "head" else commit)
        patch.setattr(locks, "read", lambda study, tier, tables: histories.get(study.name, locks.LockHistory()))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        plan = replace(report_samples.plan(folder, STUDIES), every=report_samples.testing(("C09", "main")))
        report_samples.write_cards(plan)
        frames = report_samples.zoo_frames(plan)
        frames["layers"] = frames["layers"].query(f"architecture in {NETWORKS}")
        frames["robustness"] = pd.DataFrame([ROBUSTNESS])
        render(plan, frames, plan.paths.figures, folder / "page.html")
    return neutral((folder / "page.html").read_text(encoding="utf-8"), folder)


def test_the_page_says_what_it_said(page: str, accept_golden: bool) -> None:
    if accept_golden:
        PAGE.write_text(page, encoding="utf-8")
        return
    assert PAGE.exists(), "no golden page yet: pytest tests/golden --accept-golden"
    known = PAGE.read_text(encoding="utf-8")
    diff = list(unified_diff(known.splitlines(), page.splitlines(), PAGE.name, "the page of today", lineterm="", n=1))
    if diff:
        more = [f"... {len(diff) - DIFF} lines more"] if len(diff) > DIFF else []
        shown = "\n".join([*diff[:DIFF], *more])
        pytest.fail(f"if the change is meant: pytest tests/golden --accept-golden\n{shown}", pytrace=False)


KINDS = "opening, answer supported, answer running, against, families, beside, threats, missing, no-figure, fine plan"


@pytest.mark.parametrize("kind", KINDS.split(", "))
def test_every_kind_of_content_is_on_it(page: str, kind: str) -> None:
    assert f'class="{kind}"' in page
