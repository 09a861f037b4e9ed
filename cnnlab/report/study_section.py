"""One section for each study: its question, the answer in words, figures, arms and contrasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.core.git import Commit, last_commit
from cnnlab.figures.drawing import svg
from cnnlab.figures.drawing.theme import BADGES, Badge
from cnnlab.planning.figure_choice import kinds
from cnnlab.planning.study import Study
from cnnlab.planning.verdicts import Verdict
from cnnlab.report.tables import arms as armtable
from cnnlab.report.tables import benchmark, classes, matrix, metrics
from cnnlab.report.tables import contrasts as contrasttable
from cnnlab.report.tables.view import TableView
from cnnlab.wording import beside, matrix_cells, robustness
from cnnlab.wording.answers import Sentence, against, answer, conjunction
from cnnlab.wording.arm_values import by_arm
from cnnlab.wording.claims import anchor, claim_name
from cnnlab.wording.numbers import count, moment, plural
from cnnlab.wording.threats import generated

if TYPE_CHECKING:
    from cnnlab.planning.plan import Plan

LONG = 12  # rows of a table that is folded
OPENING = "matrix"  # stands above the ledger, and not a second time in the section of its study


@dataclass(frozen=True)
class ClaimAnswer:
    anchor: str
    name: str
    statement: str
    verdict: Badge
    against: str
    sentences: Sequence[Sentence]
    overall: Sentence | None
    robustness: str
    families: Sequence[str]
    whole: str
    elsewhere: str


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
    design: str
    chapter: str | None
    paper: str | None
    file: str
    commit: Commit | None
    first_run: str | None
    progress: str
    claims: Sequence[ClaimAnswer]
    extensions: Sequence[Sentence]
    threats: Sequence[str]
    figures: Sequence[FigureView]
    opens: bool
    tables: Sequence[TableView]
    folded: Sequence[TableView]
    setting: str
    cost: str | None


def build(
    study: Study,
    plan: Plan,
    tables: Tables,
    figures: Path,
    families: Mapping[tuple[str, str], str],
    wholes: Mapping[str, str],
) -> StudyView:
    """`families` are the labels of the families of every matrix, by study and family; `wholes` say by the name of a
    claim what several studies found."""
    labels = {name: arm.label for name, arm in study.arms.items()}
    contrasts = [row for name in ("contrasts", "measured/contrasts") for row in tables.rows(name, study=study.name)]
    extensions = [row for row in contrasts if row["extension"] and not row["primary"]]
    arms = armtable.read(study, tables)
    shown = list(_tables(study, arms, tables, labels))
    done, planned = sum(len(arm.runs) for arm in arms), len(study.arms) * len(study.seeds)
    return StudyView(
        name=study.name,
        title=study.title,
        question=study.question,
        design=study.design or "",
        chapter=study.source.chapter,
        paper=study.source.paper,
        file=study.path.as_posix(),
        commit=last_commit(study.path),
        first_run=_first_run(arms),
        progress="" if done == planned else f"{done} of {planned} runs are finished.",
        claims=[_claim(row, study, tables, families, wholes) for row in tables.rows("claims", study=study.name)],
        extensions=[
            answer(row, labels, by_arm(row, tables, labels))
            for row in extensions
            if not row["switch"] and (row["estimate"] is not None or row["low"] is not None)
        ],
        threats=[*study.threats, *generated(study, plan, tables)],
        figures=[figure(study.name, name, figures) for name in study.figures if name != OPENING],
        opens=OPENING in study.figures,
        tables=[table for table in shown if len(table.rows) <= LONG],
        folded=[table for table in shown if len(table.rows) > LONG] + list(_further(study, arms, tables)),
        setting=armtable.common_setting(arms),
        cost=_cost(arms),
    )


def figure(study: str, name: str, figures: Path) -> FigureView:
    return FigureView(name, _figure(figures / study / f"{name}.svg"), kinds()[name].caption)


def _tables(
    study: Study, arms: Sequence[armtable.ArmRows], tables: Tables, labels: dict[str, str]
) -> Iterator[TableView]:
    """A benchmark's first; then the cells of a matrix; then arms and contrasts."""
    if "frontier" in study.figures:
        yield benchmark.build(study, arms, tables)
    cells = matrix.table(study, matrix_cells.read(study, tables), tables)
    if cells:
        yield cells
    yield armtable.build(study, arms)
    contrasts = contrasttable.build(study, tables, labels)
    if contrasts.rows:
        yield contrasts


def _further(study: Study, arms: Sequence[armtable.ArmRows], tables: Tables) -> Iterator[TableView]:
    """Tables that are folded however short they are."""
    for table in (metrics.build(study, arms), classes.build(study, tables)):
        if table:
            yield table


def _claim(
    row: Row,
    study: Study,
    tables: Tables,
    families: Mapping[tuple[str, str], str],
    wholes: Mapping[str, str],
) -> ClaimAnswer:
    labels = {name: arm.label for name, arm in study.arms.items()}
    said = {(claim.id, claim.part): claim.against for claim in study.claims}
    parts = tables.rows("contrasts", claim=row["id"], part=row["part"], study=row["study"], primary=True)
    if parts:
        sentences = [answer(part, labels, by_arm(part, tables, labels)) for part in parts]
    else:
        sentences = [Sentence(row["reason"] or "No evidence is given", row["verdict"])]
    return ClaimAnswer(
        anchor=anchor(row),
        name=claim_name(row),
        statement=row["statement"] or "",
        verdict=BADGES.get(row["verdict"], BADGES[Verdict.RUNNING]),
        against=said.get((row["id"], row["part"])) or against(parts, labels),
        sentences=sentences,
        overall=conjunction(row, parts) if len(parts) > 1 else None,
        robustness=robustness.line(row, tables),
        families=beside.across_families(parts, tables, families),
        whole=wholes.get(claim_name(row), ""),
        elsewhere=beside.line(row, tables),
    )


def _figure(path: Path) -> Markup | None:
    """Our own SVG, drawn by `cnnlab.figures`, in which matplotlib has escaped every label."""
    return Markup(svg.inline(path.read_text(encoding="utf-8"))) if path.exists() else None


def _first_run(arms: Sequence[armtable.ArmRows]) -> str | None:
    """When the first of the study's runs started."""
    started = [row["started_ms"] for arm in arms for row in arm.measured if row["started_ms"] is not None]
    return moment(datetime.fromtimestamp(min(started) / 1000, UTC)) if started else None


def _cost(arms: Sequence[armtable.ArmRows]) -> str | None:
    """Of the whole study; each arm's tuning once."""
    measured = [[row for row in arm.measured if row["cpu_seconds"] is not None] for arm in arms]
    if not any(measured):
        return None
    seconds = sum(row["cpu_seconds"] for rows in measured for row in rows)
    tuning = sum(rows[0]["tuning_cpu_seconds"] or 0.0 for rows in measured if rows)
    runs = sum(len(rows) for rows in measured)
    return f"{plural(runs, 'run')}, {count(seconds)} core-seconds of training and {count(tuning)} of tuning"
