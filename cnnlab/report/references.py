"""What the page cites: links from where a paper is named, the list at its end, and BibTeX for that and for the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata

from markupsafe import Markup, escape

from cnnlab.analysis.tables.frames import Row, values
from cnnlab.core.version import __version__
from cnnlab.report.bibliography import Reference, load_references
from cnnlab.wording.numbers import listed

WHERE = {
    "article": "journal",
    "inproceedings": "booktitle",
    "incollection": "booktitle",
    "book": "publisher",
    "techreport": "institution",
    "misc": "howpublished",
}


@dataclass
class Citations:
    """Links to `references` for what is cited, and which of them were: those the list shows."""

    references: Sequence[Reference] = field(default_factory=load_references)
    cited: set[str] = field(default_factory=set)

    def cite(self, text: str | None) -> Markup:
        """A text like ``Ioffe & Szegedy 2015; He et al. 2016, section 4.2`` with links where it names references."""
        return Markup("; ").join(map(self._linked, text.split("; "))) if text else Markup("")

    def of_data(self, names: Iterable[str]) -> Markup:
        """Links to what describes the data sets of these names."""
        wanted = set(names)
        described = [reference for reference in self.references if wanted & set(reference.data)]
        return Markup("; ").join(self._link(reference, reference.cited[0]) for reference in described)

    def link(self, text: str, name: str) -> Markup:
        """`text` as a link to the reference that is cited as `name`; `text` alone where there is none."""
        found = [reference for reference in self.references if name in reference.cited]
        return self._link(found[0], text) if found else escape(text)

    @property
    def shown(self) -> list[Reference]:
        """Those that were cited, in the order of their authors."""
        named = [reference for reference in self.references if reference.key in self.cited]
        return sorted(named, key=lambda reference: (reference.authors, reference.year))

    def _linked(self, text: str) -> Markup:
        starts = [(name, reference) for reference in self.references for name in reference.cited if _begins(text, name)]
        if not starts:
            return escape(text)
        name, reference = max(starts, key=lambda start: len(start[0]))
        return self._link(reference, name) + escape(text[len(name) :])

    def _link(self, reference: Reference, text: str) -> Markup:
        self.cited.add(reference.key)
        return Markup('<a href="#ref-{}">{}</a>').format(reference.key, text)


def _begins(text: str, name: str) -> bool:
    return text == name or text.startswith(f"{name}, ")


def identifier(reference: Reference) -> tuple[str, str] | None:
    """Where it is found: an address and what to call it; a DOI before arXiv before another address."""
    if reference.doi:
        return f"https://doi.org/{reference.doi}", f"doi:{reference.doi}"
    if reference.arxiv:
        return f"https://arxiv.org/abs/{reference.arxiv}", f"arXiv:{reference.arxiv}"
    return (reference.url, reference.url.removeprefix("https://")) if reference.url else None


def authors(reference: Reference) -> str:
    return listed(reference.names)


def bibtex(references: Iterable[Reference]) -> str:
    """All of them as a ``.bib`` file in UTF-8."""
    return "\n".join(map(_entry, references))


def _entry(reference: Reference) -> str:
    fields = {
        "author": " and ".join(reference.authors),
        "title": f"{{{reference.title}}}",
        WHERE[reference.type]: reference.where,
        "volume": reference.volume,
        "pages": reference.pages and reference.pages.replace("–", "--"),
        "year": str(reference.year),
        "doi": reference.doi,
        "eprint": reference.arxiv,
        "eprinttype": "arxiv" if reference.arxiv else None,
        "url": reference.url,
        "note": reference.note,
    }
    return _written(reference.type, reference.key, fields)


def page_entry(title: str, tier: str, measured: Sequence[Row], dates: str | None) -> str:
    """BibTeX of the page: version of cnnlab, tier, commits and days of the runs; nothing that is not known.

    The year is that of the last run, as the page is the same whenever it is rendered.
    """
    started = values(measured, "started_ms")
    commits = dict.fromkeys(str(commit)[:12] for commit in values(measured, "git_commit"))
    told = [f"cnnlab {__version__}, {tier} tier"]
    told += [f"code of commit {listed(list(commits))}"] if commits else []
    told += [f"runs of {dates}"] if dates else []
    year = datetime.fromtimestamp(max(started) / 1000, UTC).year if started else None
    fields = {
        "author": f"{{{name}}}" if (name := _maker()) else None,
        "title": f"{{{title}}}",
        "year": str(year) if year else None,
        "note": "; ".join(told),
    }
    return _written("misc", f"cnnlab-{tier}", fields)


def _maker() -> str | None:
    """As the package names them."""
    try:
        told = metadata.metadata("cnnlab")
    except metadata.PackageNotFoundError:
        return None
    return str(told["Author"]) if "Author" in told else None


def _written(kind: str, key: str, fields: Mapping[str, str | None]) -> str:
    lines = [f"  {name} = {{{text.replace('&', chr(92) + '&')}}}" for name, text in fields.items() if text]
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}\n"
