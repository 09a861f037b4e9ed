"""Everything together: the page as one file, with styles, script and figures within."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.figures.drawing import svg, theme
from cnnlab.planning.plan import Plan
from cnnlab.planning.studies.study import Study
from cnnlab.planning.verdicts import Verdict
from cnnlab.report import exact_claims, ledger, locks, methods, networks, published, references, study_section
from cnnlab.report.drawn import share_styles
from cnnlab.report.glossary import Glossary
from cnnlab.report.tables import settings
from cnnlab.report.taken import InFull
from cnnlab.tracking.addresses import server
from cnnlab.wording.claims import anchor, claim_name
from cnnlab.wording.numbers import listed, moment, plural
from cnnlab.wording.verdicts import MEANINGS

HERE = Path(__file__).parent
UNITS = "pp|nats?|decades?|octaves?|sd|seeds?|times|steps|arms|parts"
TITLE = "Classic convolutional networks, claim by claim"


def page(plan: Plan, tables: Tables, figures: Path) -> str:
    """The HTML; studies of claims of one's own lead, then core studies, and the others in the order of their claims."""
    order = {claim.id: place for place, claim in enumerate(plan.claims.claims)}
    studies = sorted(
        plan.studies, key=lambda study: (not _own(study, order), not study.core, _first_claim(study, order))
    )
    families = {
        (study.name, family): label
        for study in studies
        if study.matrix
        for family, label in study.matrix.families.items()
    }
    histories = {study.name: locks.read(study, plan.tier, tables) for study in studies}
    verdicts = ledger.build(tables, plan, histories)
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "tie": _tie,
        "moment": moment,
        "anchor": anchor,
        "claim_name": claim_name,
        "verdict": _verdict,
        "drawing": _drawing,
        "within_mlflow": lambda address: address.removeprefix(f"{server()}/#/"),
    }
    environment.globals |= {"verdicts": theme.BADGES, "Verdict": Verdict, "meanings": MEANINGS}
    environment.globals |= _to_take_away(plan, tables)
    html = environment.get_template("page.html.j2").render(
        title=TITLE,
        plan=plan,
        runs=_runs(plan, tables),
        data=listed(settings.data_titles(plan)),
        dates=methods.dates(tables.rows("measured/runs")),
        ledger=verdicts,
        exact=exact_claims.build(tables),
        published=published.build(tables),
        networks=networks.build(tables, figures),
        studies=[
            study_section.build(study, plan, tables, figures, families, verdicts.wholes, histories[study.name])
            for study in studies
        ],
        methods=methods.build(plan, tables),
        style=_style(),
        scripts=_scripts(),
    )
    return share_styles(html)


def _to_take_away(plan: Plan, tables: Tables) -> dict[str, Any]:
    """What templates ask of explanations, files and citations; each remembers what, for the end of the page."""
    measured = tables.rows("measured/runs")
    return {
        "glossary": Glossary(),
        "in_full": InFull(tables),
        "citations": references.Citations(),
        "data_names": {spec.name for spec in plan.data().values()},
        "identifier": references.identifier,
        "authors": references.authors,
        "bibtex": references.bibtex,
        "cite_this_page": references.page_entry(TITLE, plan.tier, measured, methods.dates(measured)),
        "mlflow": server(),
    }


def _own(study: Study, order: Mapping[str, int]) -> bool:
    return any(claim.id not in order for claim in study.claims)


def _first_claim(study: Study, order: Mapping[str, int]) -> int:
    """The place of the first claim that a study tests, or extends; one of its own comes last."""
    ids = [claim.id for claim in study.claims] + [contrast.extension or "" for contrast in study.secondary]
    return min((order[claim] for claim in ids if claim in order), default=len(order))


def _tie(text: str) -> str:
    """A number and its unit stay on one line."""
    text = text.replace("n = ", "n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")
    return re.sub(rf"(?<=\d) (?=({UNITS})\b|%)", "\N{NO-BREAK SPACE}", text)


def _verdict(row: Row) -> theme.Badge:
    """The badge of the verdict in a row of ``claims``."""
    return theme.BADGES.get(row["verdict"], theme.BADGES[Verdict.RUNNING])


def _drawing(path: Path) -> Markup:
    """Our own SVG, drawn by `cnnlab.figures`, in which every label is escaped."""
    if not path.exists():
        return Markup('<p class="no-figure">Not drawn yet.</p>')
    drawn = svg.inline(path.read_text(encoding="utf-8"))
    frame = re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', drawn)
    ratio = f' style="--ratio: {frame[1]} / {frame[2]}"' if frame else ""
    return Markup(f'<div class="drawing"{ratio}>{drawn}</div>')


def _scripts() -> dict[str, Markup]:
    """By file name; each is a module of its own in the page, so no name of one can clash with another's."""
    files = sorted((HERE / "scripts").glob("*.js"))
    return {path.stem: Markup(path.read_text(encoding="utf-8").strip()) for path in files}


def _style() -> Markup:
    """All style sheets: `base.css` comes first, what others say of the same element counts more."""
    css = "".join(path.read_text(encoding="utf-8") for path in sorted((HERE / "styles").glob("*.css")))
    return Markup(css.replace("/* light */", theme.variables(0)).replace("/* dark */", theme.variables(1)))


def _runs(plan: Plan, tables: Tables) -> str:
    finished, wanted = len(tables.rows("runs")), len(plan.runs())
    runs = plural(wanted, "run") if finished == wanted else f"{finished:,} of {plural(wanted, 'run')}"
    return f"{runs}, {plural(len(plan.arms()), 'arm')}, {plural(len(plan.studies), 'study', 'studies')}"
