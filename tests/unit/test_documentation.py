"""What the documentation names is there: commands, tests, files, messages; and the site is built from it."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

import cnnlab
from cnnlab.cli.main import main
from tests.workflow import pages

ROOT = pages.ROOT
PAGES = [pages.README, ROOT / "CONTRIBUTING.md", *pages.pages()]
FOLDERS = ("cnnlab/", "workflow/", "docs/", "tests/", "profiles/", "benchmarks/")
WRITTEN = re.compile(r"workflow/studies/(locks/)?(dropout|batch-size|STUDY)\.yaml")  # by the reader


def spoken(page: Path) -> str:
    """Its text without blocks."""
    return pages.BLOCK.sub("", page.read_text())


def inline(page: Path) -> list[str]:
    """What it sets as code within sentences."""
    return re.findall(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)", spoken(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_and_option_exists(page: Path) -> None:
    said = [*inline(page), *pages.commands(page)]
    for words in (text.split() for text in said if text.startswith("cnnlab ")):
        command = main.commands.get(words[1])
        assert command, f"{page.name}: cnnlab {words[1]}"
        inner = getattr(command, "commands", {}).get(words[2]) if len(words) > 2 else None
        known = {option for each in (command, inner) if each for parameter in each.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} - {"--help"} <= known, f"{page.name}: {words}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_target_of_make_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    named = {text.split()[1] for text in [*inline(page), *pages.commands(page)] if text.startswith("make ")}
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    named = {text.partition("::")[0] for text in inline(page) if text.startswith(FOLDERS) and " " not in text}
    assert [name for name in named if not (list(ROOT.glob(name.rstrip("/"))) or WRITTEN.fullmatch(name))] == []


def test_every_test_that_holds_a_promise_is_there() -> None:
    promises = [text for text in inline(ROOT / "docs/guarantees.md") if "::" in text and text.startswith("tests/")]
    assert len(promises) > 30
    for promise in promises:
        file, *names = promise.split("::")
        held = ast.parse((ROOT / file).read_text())
        for name in names:
            held = next((node for node in held.body if getattr(node, "name", "") == name), None)
            assert held, promise


def test_every_message_that_is_quoted_is_one_of_ours() -> None:
    quoted = [
        line
        for page in PAGES
        for block in pages.blocks(page)
        if block.language == "text"
        for line in block.text.splitlines()
    ]
    assert quoted
    assert [line for line in quoted if not any(pages.agree(message, line) for message in messages())] == []


def test_the_heads_of_the_ledger_are_those_of_the_page() -> None:
    table = (ROOT / "docs/report.md").read_text().partition("| head |")[2].partition("\n\n")[0]
    heads = re.findall(r"^\| ([^|]+?) \|", table, flags=re.M)
    source = (ROOT / "cnnlab/report/tables/ledger.py").read_text()
    assert len(heads) > 5
    assert [head for cell in heads for head in cell.split(", ") if f'"{head}"' not in source] == []


@cache
def messages() -> set[str]:
    """Every text of the code, with an ellipsis for each value in it."""
    found = set()
    for path in (ROOT / "cnnlab").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                found.add(
                    "".join(part.value if isinstance(part, ast.Constant) else pages.ANYTHING for part in node.values)
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return {text for text in found if len(text.replace(pages.ANYTHING, "")) > 20}


def test_what_agrees_with_a_page() -> None:
    assert pages.agree("12 of 20 runs, 3.5 pp\n", "7 of 20 runs, −1 pp".replace("−", "") + "\n")
    assert pages.agree("error: …; valid: a, …", "error: no such thing; valid: a, b, c")
    assert not pages.agree("supported  3.5 pp", "contradicted  3.5 pp")
    assert not pages.agree("all of it", "all of it, and more")


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_fetches_nothing(tmp_path: Path) -> None:
    """Links and their anchors are checked by mkdocs: a missing one is a warning, and with --strict an error."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    for page in tmp_path.rglob("*.html"):
        fetched = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"?(https?:)?//", page.read_text())
        assert not fetched, page
    assert {page.stem for page in pages.pages()} <= {page.stem for page in tmp_path.glob("*.html")}


def test_links_between_files_of_the_repository_lead_somewhere() -> None:
    for page in (pages.README, ROOT / "CONTRIBUTING.md"):
        for target, anchor in re.findall(r"\]\(([^)#:]+)(?:#([^)]+))?\)", page.read_text()):
            assert (ROOT / target).is_file(), target
            if anchor:
                headings = re.findall(r"^#+ (.*)$", (ROOT / target).read_text(), flags=re.M)
                assert anchor in [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]


def test_the_citation_is_of_this_version_and_invents_nobody() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["version"] == cnnlab.__version__
    assert citation["authors"] == [{"name": "The cnnlab contributors"}]
    assert citation["license"] == "MIT"


def test_the_forms_of_the_forge_are_valid() -> None:
    forms = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
    assert {form.stem for form in forms} == {"bug", "claim", "question", "config"}
    for form in forms:
        content = yaml.safe_load(form.read_text())
        if form.stem != "config":
            assert {"name", "description", "body"} <= content.keys()
            assert all(field["attributes"]["label"] for field in content["body"])
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    steps = workflow["jobs"]["check"]["steps"]
    assert ".ci/run" in [step.get("run") for step in steps]
    assert "secrets" not in json.dumps(workflow)


def test_what_the_workflow_catalog_asks_for_is_there() -> None:
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert {"mandatory-flags", "software-stack-deployment"} <= usage.keys()
    assert (ROOT / "config/README.md").exists()
    assert (ROOT / "workflow/Snakefile").exists()
    assert {"snakemake", "workflow"} <= set(re.findall(r"\w+", pages.README.read_text().lower()))
