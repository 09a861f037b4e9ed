"""What `pip install cnnlab` leaves out: the packages of the pipeline, which its extra `run` installs."""

from __future__ import annotations

INSTALL = "pip install 'cnnlab[run]'"
# By the names that they are imported by; a test holds them to pyproject.toml.
RUN = {
    "filelock",
    "jinja2",
    "markupsafe",
    "matplotlib",
    "mlflow",
    "mlxtend",
    "PIL",
    "psutil",
    "requests",
    "seaborn",
    "skimage",
    "sklearn",
    "snakemake",
    "torchvision",
}


def remedy(error: ModuleNotFoundError) -> str | None:
    """What to install for a module that is missing; None if it is none of ours, as in a network of one's own."""
    module = (error.name or "").partition(".")[0]
    return f"{module} is not installed; {INSTALL}" if module in RUN else None
