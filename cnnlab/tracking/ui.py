"""``cnnlab ui``: MLflow's own pages over the right store, on this machine only."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from cnnlab.core.errors import UserError
from cnnlab.core.paths import MLFLOW
from cnnlab.tracking.addresses import HOST, PORT, view_address
from cnnlab.tracking.store import ENVIRONMENT, database, experiment_id, is_http, store_uri, without_password
from cnnlab.tracking.views import ARMS, RUNS

PORTS = 100
SERVER = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore"}


def serve_ui(root: Path, port: int = PORT, tier: str | None = None, host: str = HOST) -> None:
    """Print the address and become ``mlflow server``; does not return. A server that runs elsewhere is only named.

    Raises:
        UserError: if nothing has been mirrored yet, or no port is free.
    """
    uri = store_uri(root)
    if is_http(uri):
        print(without_password(uri), flush=True)
        return
    path = database(uri)
    if path is not None and not path.exists():
        raise UserError(f"{path}: no run has been mirrored yet; run snakemake, or `cnnlab track`")
    address = f"http://{host}:{free_port(host, port)}"
    print("\n".join(_greeting(address, tier, experiment_id(uri, tier) if tier else None)), flush=True)
    os.execve(sys.executable, _command(root, uri, address), {**ENVIRONMENT, **SERVER, **os.environ})


def free_port(host: str, port: int) -> int:
    """`port`, or the next one that nobody listens on.

    Raises:
        UserError: if there is none among the next hundred.
    """
    for candidate in range(port, min(port + PORTS, 2**16)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return candidate
    raise UserError(f"--port {port}: neither it nor any of the next {PORTS} is free; name another")


def _greeting(address: str, tier: str | None, experiment: str | None) -> list[str]:
    """The address, and straight into the tier's experiment, on the pages for training rather than for agents."""
    lines = [f"MLflow   {address}   (up in a few seconds; Ctrl-C stops it)"]
    if experiment:
        lines.append(f"arms     {view_address(address, experiment, ARMS)}   (tier: {tier})")
        lines.append(f"curves   {view_address(address, experiment, RUNS, compareRunsMode='CHART')}")
    return lines


def _command(root: Path, uri: str, address: str) -> list[str]:
    path, (host, port) = database(uri), address.removeprefix("http://").split(":")
    folder = path.parent if path else root.resolve() / MLFLOW
    options = {
        "--backend-store-uri": uri,
        "--artifacts-destination": str(folder / "artifacts"),
        "--host": host,
        "--port": port,
        "--workers": "1",
        "--uvicorn-opts": "--log-level warning",
    }
    return [sys.executable, "-m", "mlflow", "server", *(text for pair in options.items() for text in pair)]
