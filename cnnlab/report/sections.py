"""One section for each study: its question, the answer in words, figures, arms and contrasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from cnnlab.report import armtable, contrasttable, svg
from cnnlab.report.cells import TableView
from cnnlab.report.ledger import anchor, claim_name
from cnnlab.report.names import FIGURES
from cnnlab.report.numbers import count, plural
from cnnlab.report.rows import Row, Tables
from cnnlab.report.sentences import Sentence, answer, conjunction
from cnnlab.report.theme import VERDICTS, Verdict
from cnnlab.study import Study

CAPTIONS = {
    "curves": "Validation accuracy and log-loss while training. Lines are means over the runs that finished, bands "
    "their 95 % intervals; a run that diverged is a thin line that ends in a cross.",
    "differences": "Every contrast with its 95 % interval, the effect of each seed beneath it, and the margin as a "
    "grey band. Filled marks decide a claim, open ones are secondary.",
    "errors": "Test error of each run (below) and mean with 95 % interval over seeds (above).",
}


@dataclass(frozen=True)
class ClaimAnswer:
    anchor: str
    name: str
    statement: str
    verdict: Verdict
    sentences: Sequence[Sentence]
    overall: Sentence | None


@dataclass(frozen=True)
class FigureView:
    name: str
    svg: Markup | None
    caption: str


@dataclass(frozen=True)
class StudyView:
    name: str
    title: str
    question: str
    chapter: str | None
    paper: str | None
    file: str
    progress: str
    claims: Sequence[ClaimAnswer]
    extensions: Sequence[Sentence]
    figures: Sequence[FigureView]
    arms: TableView
    contrasts: TableView
    setting: str
    cost: str | None


def build(study: Study, tables: Tables, figures: Path) -> StudyView:
    labels = {name: arm.label for name, arm in study.arms.items()}
    contrasts = [row for name in ("contrasts", "measured/contrasts") for row in tables.rows(name, study=study.name)]
    extensions = [row for row in contrasts if row["extension"] and not row["primary"]]
    arms = armtable.read(study, tables)
    done, planned = sum(len(arm.runs) for arm in arms), len(study.arms) * len(study.seeds)
    return StudyView(
        name=study.name,
        title=study.title,
        question=study.question,
        chapter=study.source.chapter,
        paper=study.source.paper,
        file=study.path.as_posix(),
        progress="" if done == planned else f"{done} of {planned} runs are finished.",
        claims=[_claim(row, tables, labels) for row in tables.rows("claims", study=study.name)],
        extensions=[answer(row, labels) for row in extensions if row["estimate"] is not None or row["low"] is not None],
        figures=[FigureView(name, _figure(figures / study.name / f"{name}.svg"), CAPTIONS[name]) for name in FIGURES],
        arms=armtable.build(study, arms),
        contrasts=contrasttable.build(study, tables, labels),
        setting=armtable.common_setting(arms),
        cost=_cost(arms),
    )


def _claim(row: Row, tables: Tables, labels: dict[str, str]) -> ClaimAnswer:
    mine = {"claim": row["id"], "part": row["part"], "study": row["study"], "primary": True}
    parts = tables.rows("contrasts", **mine)
    if parts:
        sentences = [answer(part, labels) for part in parts]
    else:
        sentences = [Sentence(row["reason"] or "No evidence is given", row["verdict"])]
    return ClaimAnswer(
        anchor=anchor(row),
        name=claim_name(row),
        statement=row["statement"] or "",
        verdict=VERDICTS.get(row["verdict"], VERDICTS["running"]),
        sentences=sentences,
        overall=conjunction(row, parts) if len(parts) > 1 else None,
    )


def _figure(path: Path) -> Markup | None:
    """Our own SVG, drawn by `cnnlab.figures`, in which matplotlib has escaped every label."""
    return Markup(svg.inline(path.read_text(encoding="utf-8"))) if path.exists() else None


def _cost(arms: Sequence[armtable.ArmRows]) -> str | None:
    """Of the whole study; each arm's tuning once."""
    measured = [[row for row in arm.measured if row["cpu_seconds"] is not None] for arm in arms]
    if not any(measured):
        return None
    seconds = sum(row["cpu_seconds"] for rows in measured for row in rows)
    tuning = sum(rows[0]["tuning_cpu_seconds"] or 0.0 for rows in measured if rows)
    runs = sum(len(rows) for rows in measured)
    return f"{plural(runs, 'run')}, {count(seconds)} core-seconds of training and {count(tuning)} of tuning"
