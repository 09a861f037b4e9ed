"""Papers and books, ``workflow/references.yaml``: what studies, networks and the report cite."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cnnlab.core.errors import UserError
from cnnlab.core.paths import shipped
from cnnlab.core.strict_yaml import place, read_yaml
from cnnlab.core.validation import Spec, validate

REFERENCES = Path("workflow/references.yaml")
Text = Annotated[str, Field(min_length=1)]


class Reference(Spec):
    """A paper, a book or a report, and the ways in which it is cited."""

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    type: Literal["article", "inproceedings", "incollection", "book", "techreport", "misc"]
    authors: Annotated[tuple[Text, ...], Field(min_length=1, description="each as Family, Given")]
    title: Text
    year: int
    where: Text | None = Field(None, description="the journal, proceedings, publisher or institution")
    volume: Text | None = None
    pages: Text | None = None
    note: Text | None = None
    doi: Annotated[str, Field(pattern=r"^10\.\d+/\S+$")] | None = None
    arxiv: Annotated[str, Field(pattern=r"^\d{4}\.\d{4,5}$")] | None = None
    url: Annotated[str, Field(pattern=r"^https://\S+$")] | None = None
    cited: Annotated[tuple[Text, ...], Field(min_length=1, description="each way in which it is named, exactly")]
    data: tuple[Text, ...] = Field((), description="names of the data sets that it describes")

    @model_validator(mode="after")
    def _can_be_found(self) -> Reference:
        if self.where is None and self.type != "misc":
            raise ValueError("where: name the journal, proceedings, publisher or institution")
        return self

    @property
    def names(self) -> list[str]:
        """Its authors, given names first: ``Yann LeCun``."""
        return [" ".join(reversed(author.split(", ", 1))) for author in self.authors]


class References(Spec):
    references: tuple[Reference, ...]


def load_references() -> tuple[Reference, ...]:
    """In the order of the file; none where there is no such file.

    Raises:
        UserError: for what an entry may not be, or where two have one key or are cited alike.
    """
    path = shipped(REFERENCES)
    if not path.exists():
        return ()
    read = validate(References, {"references": read_yaml(path) or []}, place(path, "references")).references
    taken: dict[str, str] = {}
    for reference in read:
        for name in dict.fromkeys((reference.key, *reference.cited)):
            if name in taken:
                raise UserError(f"{REFERENCES}: {name}: of {taken[name]} and of {reference.key}; name one of them anew")
            taken[name] = reference.key
    return read
