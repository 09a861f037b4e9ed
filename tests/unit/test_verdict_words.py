"""The words of verdicts and directions stand in one file: the others name `Verdict` and `Direction`."""

from __future__ import annotations

import ast
from pathlib import Path

from cnnlab.planning.verdicts import Direction, Verdict

PACKAGE = Path(__file__).resolve().parents[2] / "cnnlab"
# What is spelt alike and is something else.
OTHERS = {
    "analysis/exact/__init__.py": {"holds"},  # a column, as below
    "analysis/tables/contrasts.py": {"holds"},
    "analysis/tables/networks.py": {"holds"},
    "report/exact_claims.py": {"holds"},
    "figures/confusion.py": {"contradicted"},  # the role of a colour
    "figures/drawing/theme.py": set(Verdict),
    "figures/margin_bar.py": {"supported"},
    "tracking/live.py": {"running"},  # the status of a run
}


def literals(path: Path) -> set[str]:
    """The strings of a source file; a part of a longer one does not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {value for value in constants if isinstance(value, str)}


def test_no_other_file_spells_a_verdict_or_a_direction() -> None:
    words = {*Verdict, *Direction}
    spelt = {path.relative_to(PACKAGE).as_posix(): literals(path) & words for path in PACKAGE.rglob("*.py")}
    assert spelt.pop("planning/verdicts.py") == words
    stray = {name: found - OTHERS.get(name, set()) for name, found in spelt.items()}
    assert {name: found for name, found in stray.items() if found} == {}
    assert {name for name in OTHERS if not spelt[name]} == set(), "no longer needed"
