"""The MLflow store: where it is, created whole and only once, reached within seconds or not at all."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cnnlab.core.errors import UserError
from cnnlab.core.files import atomic
from cnnlab.core.paths import MLFLOW

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

# MLflow retries for four minutes by default; a mirror that is not there must not hold up a report for that long.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
LOCK_SECONDS = 300.0
CONNECT_SECONDS, ANSWER_SECONDS = 3.0, 10.0
PAGE = 1000
NOTE = (
    "**Saved views**, above on the right, open the runs of a claim beside each other, or all arms with what was found "
    "of them. There is one parent run for each arm, whose metrics are means over its seeds where every seed has a "
    "value, and one child for each seed; errors are shares of images. This is a mirror: the records lie in `results/`, "
    "and `cnnlab track` completes it."
)


def store_uri(root: Path) -> str:
    """``MLFLOW_TRACKING_URI``, or the project's own SQLite file."""
    named = os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    return named or f"sqlite:///{root.resolve() / MLFLOW / 'mlflow.db'}"


def without_password(uri: str) -> str:
    """The address without the name and the password that it may hold."""
    return re.sub(r"//[^/@]*@", "//", uri)


def is_http(uri: str) -> bool:
    return urlsplit(uri).scheme in ("http", "https")


def database(uri: str) -> Path | None:
    """The file of an SQLite store."""
    prefix = "sqlite:///"
    return Path(uri.removeprefix(prefix)).absolute() if uri.startswith(prefix) else None


def experiment_name(tier: str) -> str:
    return f"cnnlab-{tier}"


def experiment_id(uri: str, tier: str) -> str | None:
    """The id of a tier's experiment in an SQLite store, read without MLflow's seconds of import; None if unknown."""
    path = database(uri)
    if path is None or not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            query = "select experiment_id from experiments where name = ?"
            row = connection.execute(query, (experiment_name(tier),)).fetchone()
    except sqlite3.Error:
        return None
    return str(row[0]) if row else None


@contextmanager
def store_lock(root: Path) -> Iterator[None]:
    """One process at a time looks for a run and creates it where it is missing.

    Raises:
        TimeoutError: if another process holds the store for minutes.
    """
    from filelock import FileLock

    path = database(store_uri(root)) or root.resolve() / MLFLOW / "mlflow"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock"), timeout=LOCK_SECONDS):
        yield


def create_store(uri: str) -> None:
    """Make an SQLite store, whole or not at all: MLflow cannot go on with one that is half made.

    To be called under the store's lock. Stores of other kinds are left alone.
    """
    path = database(uri)
    if path is None or path.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    silence()
    for abandoned in path.parent.glob(f".{path.name}.*"):  # by a process that was killed
        abandoned.unlink()
    with atomic(path) as aside:
        store = SqlAlchemyStore(f"sqlite:///{aside}", artifacts(path.parent))
        store.delete_experiment("0")  # MLflow's own, which stays empty
        store.engine.dispose()


def artifacts(folder: Path) -> str:
    """Where the runs of the store in `folder` keep their files, as an address."""
    return (folder.absolute() / "artifacts").as_uri()


def silence() -> None:
    """Keep MLflow's notes off the terminal; after its import, which configures its loggers."""
    for name in ("mlflow", "alembic", "urllib3", "git"):
        logging.getLogger(name).setLevel(logging.ERROR)


@dataclass
class Session:
    """A connection to one experiment, and the runs that are known to be in it.

    `complete` says that `runs` holds all that will be asked for, so that one that is not there need not be searched
    for.
    `logged` holds what this session has logged of runs that still grow.
    """

    client: MlflowClient
    experiment_id: str
    runs: dict[tuple[str, str], Run] = field(default_factory=dict)
    logged: dict[str, set[Any]] = field(default_factory=dict)
    complete: bool = False

    def load(self, *queries: str) -> None:
        """Learn the runs that `queries` find, beside which no other will be asked for; of two of the same run the older
        one stays."""
        self.runs.clear()
        twice = []
        for run in (run for query in queries for run in self._all(query)):
            kind = run.data.tags.get("kind")
            identity = run.data.tags.get(f"{kind}_id")
            if kind and identity and self.runs.setdefault((kind, identity), run) is not run:
                twice.append(run)
        for run in twice:
            self.client.delete_run(run.info.run_id)
        self.complete = True

    def _all(self, query: str) -> Iterator[Run]:
        order, token = ["attributes.start_time ASC"], None
        while True:
            page = self.client.search_runs(
                [self.experiment_id], query, max_results=PAGE, order_by=order, page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return

    def find(self, kind: str, identity: str) -> Run | None:
        """The run of an arm (``kind="arm"``) or of a record (``kind="run"``)."""
        key = (kind, identity)
        if key not in self.runs and not self.complete:
            query = f"tags.kind = '{kind}' and tags.{kind}_id = '{identity}'"
            for run in self.client.search_runs([self.experiment_id], query, max_results=1):
                self.runs[key] = run
        return self.runs.get(key)

    def create(self, kind: str, identity: str, name: str, started_ms: int, tags: dict[str, str]) -> Run:
        """A new run; to be called under the store's lock, after `find`."""
        marks = {"kind": kind, f"{kind}_id": identity, "mlflow.source.name": "cnnlab", "mlflow.source.type": "JOB"}
        run = self.client.create_run(self.experiment_id, started_ms, {**tags, **marks}, name)
        self.runs[kind, identity] = run
        return run

    def discard(self, kind: str, identity: str) -> None:
        """Take a run out of the experiment; MLflow keeps it among the deleted ones."""
        run = self.runs.pop((kind, identity))
        self.client.delete_run(run.info.run_id)


def connect(root: Path, tier: str) -> Session:
    """Open the store, created if it is not there, and the tier's experiment.

    Raises:
        Exception: whatever MLflow, its database or the network object to.
    """
    uri = store_uri(root)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if is_http(uri):
        _knock(uri)
    with store_lock(root):
        create_store(uri)
        from mlflow import MlflowClient

        silence()
        client = MlflowClient(uri)
        return Session(client, _experiment(client, uri, root, experiment_name(tier)))


def _experiment(client: MlflowClient, uri: str, root: Path, name: str) -> str:
    path = database(uri)
    # A server decides itself where artifacts lie.
    location = None if is_http(uri) else artifacts(path.parent if path else root.resolve() / MLFLOW)
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        tags = {"mlflow.note.content": NOTE, "mlflow.experimentKind": "custom_model_development"}
        return str(client.create_experiment(name, location, tags))
    made_in = experiment.artifact_location
    # MLflow stores absolute paths: the copy of a project would write into the original.
    if path is not None and made_in.startswith("file:") and made_in != location:
        raise UserError(f"it was made in {made_in}; delete {path.parent}, and it is made anew")
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)


def _knock(uri: str) -> None:
    """Ask whether anyone is there; any answer will do, as credentials and certificates are MLflow's business."""
    import requests

    try:
        requests.get(uri, timeout=(CONNECT_SECONDS, ANSWER_SECONDS), stream=True).close()
    except requests.exceptions.SSLError:
        pass
    except requests.exceptions.RequestException as error:
        raise ConnectionError("no answer") from error
