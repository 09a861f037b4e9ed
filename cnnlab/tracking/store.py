"""The MLflow store: where it is, created whole and only once, reached within seconds or not at all."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from cnnlab.core.paths import MLFLOW

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


def store_uri(root: Path) -> str:
    """``MLFLOW_TRACKING_URI``, or the project's own SQLite file."""
    named = os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    return named or f"sqlite:///{root.resolve() / MLFLOW / 'mlflow.db'}"


def shown(uri: str) -> str:
    """The address without a password that it may hold."""
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
            found = connection.execute(query, (experiment_name(tier),)).fetchone()
    except sqlite3.Error:
        return None
    return str(found[0]) if found else None


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
    """Make an SQLite store aside and rename it into place: MLflow cannot go on with one that is half made.

    To be called under the store's lock. Stores of other kinds are left alone.
    """
    path = database(uri)
    if path is None or path.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    silence()
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    SqlAlchemyStore(f"sqlite:///{aside}", artifacts(path.parent)).engine.dispose()
    os.replace(aside, path)


def artifacts(folder: Path) -> str:
    """Where the runs of the store in `folder` keep their files, as an address."""
    return (folder.absolute() / "artifacts").as_uri()


def silence() -> None:
    """Keep MLflow's notes off the terminal; after its import, which configures its loggers."""
    for name in ("mlflow", "alembic", "urllib3", "git"):
        logging.getLogger(name).setLevel(logging.ERROR)
