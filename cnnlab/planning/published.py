"""Figures in print, ``workflow/published.yaml``: what books and papers state, and the arm that does the same here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cnnlab.core import paths
from cnnlab.core.strict_yaml import place, read_yaml
from cnnlab.core.validation import Spec, validate

Percent = Annotated[float, Field(ge=0, le=100)]


class Printed(Spec):
    """A figure of one run, or of one choice among runs, as it stands in a book, a paper or a repository."""

    network: str
    edition: str = Field(description="of a book, or whose replication it is")
    test_accuracy: Percent | None = Field(None, description="in percent; or test_error")
    test_error: Percent | None = Field(None, description="in percent")
    source: str = Field(description="where it can be looked up: repository and commit, or paper and table")
    protocol: Literal["exact", "proxy", "unknown"] = Field(
        description="exact: our recipe is the same on the same images; proxy: something is known to differ"
    )
    differs: str | None = Field(None, description="what, for a proxy")
    tier: str = "book"
    study: str | None = None
    arm: str | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Printed:
        if (self.test_accuracy is None) == (self.test_error is None):
            raise ValueError("give test_accuracy or test_error")
        if self.protocol == "proxy" and not self.differs:
            raise ValueError("differs: say what differs, or write protocol: exact")
        if (self.study is None) != (self.arm is None) or (self.protocol == "exact" and self.arm is None):
            raise ValueError("give study and arm, which do the same here")
        return self

    @property
    def error(self) -> float:
        """Test error in percent."""
        return self.test_error if self.test_error is not None else 100 - (self.test_accuracy or 0.0)


class Published(Spec):
    figures: tuple[Printed, ...]


def load_published() -> tuple[Printed, ...]:
    """The figures in the order of the file; none where there is no such file.

    Raises:
        UserError: for what a figure may not be.
    """
    path = paths.found(paths.PUBLISHED)
    if not path.exists():
        return ()
    return validate(Published, {"figures": read_yaml(path)}, place(path, "figures")).figures
