"""References: each paper that is named is in the list, and links and BibTeX say the same as the file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cnnlab.core.errors import UserError
from cnnlab.planning import model_registry
from cnnlab.planning.config import load_config
from cnnlab.planning.plan import make_plan
from cnnlab.report import bibliography
from cnnlab.report.references import Citations, bibtex, identifier, page_entry

KNOWN = bibliography.load_references()


@pytest.fixture(scope="module")
def named() -> set[str]:
    """What our studies and networks name as their papers."""
    studies = make_plan(load_config((), ("studies=all",))).every
    papers = [study.source.paper for study in studies] + [
        each.paper for each in model_registry.architectures().values()
    ]
    return {paper for text in papers if text for paper in text.split("; ")}


def test_every_paper_that_is_named_is_in_the_list(named: set[str]) -> None:
    citations = Citations()
    assert len(named) > 15
    for paper in named:
        assert str(citations.cite(paper)).startswith('<a href="#ref-'), paper


def test_every_entry_can_be_found_and_is_cited_once() -> None:
    assert all(identifier(each) or each.type == "techreport" for each in KNOWN)
    names = [name for each in KNOWN for name in each.cited]
    assert len(names) == len(set(names))


def test_a_citation_links_to_its_paper_and_keeps_its_words() -> None:
    citations = Citations()
    linked = citations.cite("He et al. 2016, section 4.2; Ann & Bob 1999 <b>")
    assert linked == '<a href="#ref-he2016">He et al. 2016</a>, section 4.2; Ann &amp; Bob 1999 &lt;b&gt;'
    assert [each.key for each in citations.shown] == ["he2016"]
    assert citations.of_data({"fashion-mnist"}) == '<a href="#ref-xiao2017">Xiao, Rasul &amp; Vollgraf 2017</a>'
    assert citations.link("Chapter 7", "nobody") == "Chapter 7"


def test_the_longest_name_wins() -> None:
    """LeCun and three others wrote two papers in 1998."""
    citations = Citations()
    assert "ref-lecun1998tricks" in citations.cite("LeCun, Bottou, Orr & Müller 1998")
    assert 'ref-lecun1998"' in citations.cite("LeCun, Bottou, Bengio & Haffner 1998")


def test_bibtex_has_every_field() -> None:
    entry = bibtex(each for each in KNOWN if each.key == "lecun1998")
    assert entry.startswith("@article{lecun1998,\n  author = {LeCun, Yann and Bottou, Léon and ")
    for line in ("journal = {Proceedings of the IEEE}", "pages = {2278--2324}", "doi = {10.1109/5.726791}"):
        assert f"  {line}" in entry
    whole = bibtex(KNOWN)
    assert whole.count("@") == len(KNOWN)
    assert whole.count("{") == whole.count("}")
    assert not re.search(r"(?<!\\)&", whole)


def test_the_page_cites_itself_without_what_is_not_known() -> None:
    run = {"started_ms": 1_741_000_000_000, "git_commit": "4be2f0c1d9a87e65b3f1"}
    entry = page_entry("Claims", "quick", [run], "3 March 2025")
    assert "year = {2025}" in entry
    assert re.search(r"note = \{cnnlab \S+, quick tier; code of commit 4be2f0c1d9a8; runs of 3 March 2025\}", entry)
    assert "year" not in page_entry("Claims", "quick", [], None)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- {key: a1, type: misc, authors: [A], title: T, year: 1, cited: [A 1], doy: x}", "0.doy: unknown key"),
        ("- {key: a1, type: article, authors: [A], title: T, year: 1, cited: [A 1]}", "where: name the journal"),
        ("- {key: a1, type: misc, authors: [A], title: T, year: 1, cited: [A 1], doi: doi.org}", "doi"),
        (2 * "- {key: a1, type: misc, authors: [A], title: T, year: 1, cited: [A 1]}\n", "a1: of a1 and of a1"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(
    text: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bibliography, "REFERENCES", tmp_path / "references.yaml")
    (tmp_path / "references.yaml").write_text(text)
    with pytest.raises(UserError, match=complaint) as raised:
        bibliography.load_references()
    assert "\n" not in str(raised.value)


def test_without_the_file_nothing_is_cited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bibliography, "REFERENCES", tmp_path / "none.yaml")
    assert Citations().cite("Ioffe & Szegedy 2015") == "Ioffe &amp; Szegedy 2015"
