"""The note that compares the verdicts of two tiers, docs/full-tier.md, from the tables of both.   make tiers"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cnnlab.analysis.tables import io
from cnnlab.analysis.tables.frames import Row, Tables, distinct
from cnnlab.core.paths import CONFIGS
from cnnlab.planning import sources
from cnnlab.planning.config import Config, load_config
from cnnlab.planning.verdicts import UNDECIDED
from cnnlab.wording import beside
from cnnlab.wording.claims import claim_name
from cnnlab.wording.contrasts import claimed
from cnnlab.wording.numbers import count, listed

HERE = Path(__file__).parent
COMPARED = ("quick", "full")


@dataclass(frozen=True)
class Tier:
    """A tier and what it found."""

    name: str
    images: str
    found: Tables

    @property
    def commits(self) -> str:
        """Of the code that trained its runs; a star for uncommitted changes."""
        runs = self.found.rows("measured/runs")
        known = {(row["git_commit"] or "unknown")[:10] + ("*" if row["git_dirty"] else "") for row in runs}
        return ", ".join(sorted(known))

    @property
    def runs(self) -> str:
        return count(len(self.found.rows("runs")))

    @property
    def core_hours(self) -> str:
        seconds = sum(row["cpu_seconds"] or 0 for row in self.found.rows("measured/runs"))
        return f"{seconds / 3600:.1f}"

    def seconds(self, claim: Row) -> str:
        """Core-seconds of a claim's runs and tuning."""
        mine = self.found.rows("measured/claims", **{key: claim[key] for key in ("id", "part", "study")})
        return count(mine[0]["core_seconds"]) if mine and mine[0]["core_seconds"] is not None else "unknown"

    def epochs(self, study: str) -> str:
        return " or ".join(map(str, distinct(self.found.rows("arms", study=study), "epochs")))


@dataclass(frozen=True)
class Compared:
    """One part of a claim at both tiers."""

    name: str
    statement: str
    study: str
    claimed: str
    cells: list[tuple[str, str, str]]  # by tier: verdict, effect and n; epochs; core-seconds
    same: bool


def main() -> None:
    tiers = [_tier(load_config([] if name == "quick" else [CONFIGS / f"{name}.yaml"])) for name in COMPARED]
    (HERE / "full-tier.md").write_text(note(*tiers), encoding="utf-8")


def note(quick: Tier, full: Tier) -> str:
    """The page; ends the program with one line if no claim has been tested at both tiers."""
    compared = list(compare(quick, full))
    if not compared:
        sys.exit("error: docs/full_tier.py: no claim has been tested at both tiers; run snakemake at both first")
    theirs = full.found.frames["claims"].assign(tier=full.name)
    summary = beside.summary(Tables({**quick.found.frames, "tiers": theirs}))
    environment = Environment(loader=FileSystemLoader(HERE), undefined=StrictUndefined, trim_blocks=True)
    template = environment.get_template("full-tier.md.j2")
    return template.render(tiers=(quick, full), compared=compared, summary=" ".join(summary))


def compare(quick: Tier, full: Tier) -> Iterator[Compared]:
    """The empirical parts of claims that both tiers decided, in the order of the ledger."""
    answered = [row for row in full.found.rows("claims", kind="empirical") if _decided(row)]
    for theirs in answered:
        same = {key: theirs[key] for key in ("id", "part", "study")}
        for mine in quick.found.rows("claims", **same):
            if _decided(mine):
                yield Compared(
                    claim_name(mine),
                    mine["statement"],
                    mine["study"],
                    claimed(mine["direction"], mine["margin"], mine["unit"]) or "",
                    [
                        (beside.result(row), tier.epochs(row["study"]), tier.seconds(row))
                        for tier, row in ((quick, mine), (full, theirs))
                    ],
                    mine["verdict"] == theirs["verdict"],
                )


def _decided(row: Row) -> bool:
    return row["verdict"] not in UNDECIDED


def _tier(config: Config) -> Tier:
    found = Tables(io.read_tables(config.paths))
    names = {json.loads(row["data"])["name"] for row in found.rows("arms")}
    return Tier(config.tier, listed(sorted(sources.find(name).title for name in names)), found)


if __name__ == "__main__":
    main()
