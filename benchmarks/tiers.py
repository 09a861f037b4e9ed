"""The whole command at a tier, as the README writes it, into fresh folders that are deleted afterwards.

    python benchmarks/tiers.py --tier smoke --tier quick

Of the machine's time, `wall x cores`, as much as the CPU seconds inside training is what the command is for; the ratio
is 1 if everything else were free. On a GPU the CPU seconds are those of the process that drives it. Each tier has a
section for this machine in docs/performance.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import performance
from bench import about, machine

from cnnlab.analysis.tables.runs import core_seconds
from cnnlab.core.paths import CONFIGS, Paths
from cnnlab.planning.device import resolve
from cnnlab.training import records


def run(tier: str, cores: int, device: str, folder: Path) -> float:
    """Seconds of the command; it ends this program if it fails."""
    files = [] if tier == "quick" else ["--configfile", str(CONFIGS / f"{tier}.yaml")]
    here = [f"results={folder / 'results'}", f"reports={folder / 'reports'}", f"device={device}"]
    command = ["snakemake", "--cores", str(cores), "--resources", "gpu=1", *files, "--config", *here]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, stdout=sys.stderr, check=False)
    if done.returncode:
        sys.exit(f"error: benchmarks/tiers.py: the tier {tier} failed; what it says is above")
    return time.perf_counter() - start


def measure(tier: str, cores: int, device: str) -> str:
    """The table of one tier."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wall = run(tier, cores, device, folder)
        found = list(records.scan(Paths(folder / "results", folder / "reports")))
        seconds = sum(core_seconds((record.tuned_by, record.provenance) for record in found))
    used = min(cores, os.cpu_count() or 1)
    columns = ["tier", "wall, s", "cores", "runs", "CPU s in training", "wall x cores / CPU s in training"]
    row = [tier, f"{wall:,.0f}", str(used), str(len(found)), f"{seconds:,.0f}", f"{wall * used / seconds:.2f}"]
    return performance.table(columns, [row])


@click.command(help=__doc__)
@click.option("--tier", "tiers", multiple=True, default=("smoke",), help="smoke, quick or full; repeatable.")
@click.option("--cores", default=4, show_default=True, help="As Snakemake is given them.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", help="A GPU where there is one.")
@click.option("--output", type=click.Path(path_type=Path), default=Path("docs/performance.md"), show_default=True)
def main(tiers: tuple[str, ...], cores: int, device: str, output: Path) -> None:
    for tier in tiers:
        text = f"{about()}.\n\n{measure(tier, cores, device)}"
        performance.write(output, f"{machine(resolve(device, 'auto')[0])}: the tier {tier}", text)
        click.echo(text)


if __name__ == "__main__":
    main()
