"""The page of measured performance: a section for each machine, and of them only the measured one is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

HEAD = """# Performance

`make bench` writes the section of the machine that it runs on and leaves the others; nothing here is typed by hand.

The networks are those of the studies (preset `small`) on MNIST-5k, batches of 64, SGD with momentum in float32, at a
learning rate that falls along a cosine. Each loop has a process of its own with so many threads, and the loops take
turns; cells are medians, with the range over the rounds. *textbook* is the loop of PyTorch's tutorials, with a
`DataLoader` over PIL images; *Lightning* that of its documentation, without logger, progress bar and checkpoints.
*layers alone* is the limit of a network: forward and backward of its convolutions and dense layers, in the memory
format it trains in, and nothing else. The time to an accuracy begins with the network's first weights and counts the
evaluations after each epoch on the validation images; a run that does not arrive within the epochs allowed has no
number. The time to the first step begins with the process. Memory is the peak of the process on a CPU, and what PyTorch
had allocated on a GPU. A section says how busy the machine was before: beside other work its numbers mean little, least
of all those of several threads.
"""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def spread(values: Sequence[float], digits: int = 0) -> str:
    """The median and, of several values, their range."""
    if not values:
        return "–"
    shown = f"{median(values):,.{digits}f}"
    return shown if len(values) == 1 else f"{shown} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def sections(text: str) -> dict[str, str]:
    """What stands under each heading of the second level, by heading."""
    parts = re.split(r"^## (.*)\n", text, flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def write(page: Path, machine: str, section: str) -> None:
    """Put `section` in the place of what the page says of `machine`."""
    known = sections(page.read_text(encoding="utf-8")) if page.exists() else {}
    known[machine] = f"\n{section.strip()}\n"
    bodies = (f"## {name}\n\n{body.strip()}\n" for name, body in sorted(known.items()))
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join([HEAD, *bodies]), encoding="utf-8")
