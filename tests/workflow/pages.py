"""README.md and the pages of docs/: their blocks, as a reader would type them.

A ``console`` block is commands, one a line; or, where a line begins with ``$``, commands with what they print. A block
with a title is the file of that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BLOCK = re.compile(r"^```(\w+)(?: title=\"(.+?)\")?\n(.*?)^```$", flags=re.M | re.S)
ANYTHING = "…"
LONGEST = 150  # characters of a line that is taken into a page


@dataclass(frozen=True)
class Block:
    """Fenced text; `file` is empty unless it is one."""

    language: str
    file: str
    text: str

    @property
    def steps(self) -> list[tuple[str, str | None]]:
        """The commands of a console block, each with what the page says that it prints."""
        if not re.search(r"^\$ ", self.text, flags=re.M):
            return [(line, None) for line in self.text.splitlines() if line]
        sessions = re.split(r"^\$ ", self.text, flags=re.M)[1:]
        return [(command, printed) for command, _, printed in (text.partition("\n") for text in sessions)]


def pages() -> list[Path]:
    """Those of the site, in its order."""
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    return [ROOT / "docs" / name for name in _leaves(site["nav"])]


def _leaves(nav: object) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    else:
        for entry in nav.values() if isinstance(nav, dict) else nav:  # type: ignore[attr-defined]
            yield from _leaves(entry)


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in BLOCK.findall(page.read_text())]


def commands(page: Path) -> list[str]:
    return [command for block in blocks(page) if block.language == "console" for command, _ in block.steps]


def agree(said: str, printed: str) -> bool:
    """Whether a page says what was printed: any number for a number, any id for an id, anything for an ellipsis."""
    pattern = ".*".join(map(re.escape, _masked(said).split(ANYTHING)))
    return re.fullmatch(pattern, _masked(printed), flags=re.S) is not None


def _masked(text: str) -> str:
    ids = re.sub(r"\b[0-9a-f]{10}\b", "ID", text)
    numbers = re.sub(r"\d[\d,.]*(?<![,.])", "0", ids)
    return re.sub(r"[^\S\n]+", " ", numbers).strip()


def taken(page: Path, said: str, command: str, printed: str) -> None:
    """Put what was printed into the page, in the place of what it says; long lines end in an ellipsis."""
    short = "".join(f"{_short(line)}\n" for line in printed.strip("\n").splitlines())
    text = page.read_text()
    assert text.count(f"$ {command}\n{said}") == 1, f"{page.name}: {command} stands there twice"
    page.write_text(text.replace(f"$ {command}\n{said}", f"$ {command}\n{short}"))


def _short(line: str) -> str:
    line = line.rstrip()
    return line if len(line) <= LONGEST else f"{line[:LONGEST].rpartition(' ')[0]} {ANYTHING}"
