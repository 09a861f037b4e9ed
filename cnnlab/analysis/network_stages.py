"""A network's layers, row by row of table ``layers``, gathered into its stages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cnnlab.analysis.tables.frames import Row, Tables, group

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Stage:
    """A part of the network: the shape of what leaves it, without the sample dimension, and what it costs."""

    name: str
    shape: Shape
    parameters: int
    macs: int


@dataclass(frozen=True)
class Network:
    """An architecture at one preset, for one image."""

    architecture: str
    preset: str
    classes: int
    image: Shape
    layers: Sequence[Row]

    @property
    def parameters(self) -> int:
        return total(self.layers, "parameters")

    @property
    def macs(self) -> int:
        return total(self.layers, "macs")

    @property
    def activation_bytes(self) -> int:
        """Of the outputs of all layers, which training keeps."""
        return total(self.layers, "activation_bytes")

    @property
    def stages(self) -> list[Stage]:
        """In the order in which they run.

        What leaves a stage is what the first layer of the next is given: the last layer of a stage may be one of
        several branches.
        """
        parts = list(group(self.layers, lambda row: row["stage"]).items())
        shapes = [shape(following[1][0]["input_shape"]) for _, following in pairwise(parts)]
        shapes += [shape(self.layers[-1]["output_shape"])]
        return [
            Stage(name, out, total(rows, "parameters"), total(rows, "macs"))
            for (name, rows), out in zip(parts, shapes, strict=True)
        ]


def networks(tables: Tables) -> dict[tuple[str, str], Network]:
    """By architecture and preset."""
    rows = sorted(tables.rows("layers"), key=lambda row: row["index"])
    by_network = group(rows, lambda row: (row["architecture"], row["preset"]))
    return {
        key: Network(
            architecture=key[0],
            preset=key[1],
            classes=layers[0]["classes"],
            image=(layers[0]["channels"], layers[0]["image_size"], layers[0]["image_size"]),
            layers=layers,
        )
        for key, layers in sorted(by_network.items())
    }


def total(rows: Iterable[Row], column: str) -> int:
    return sum(row[column] for row in rows)


def shape(text: str) -> Shape:
    """``1x28x28`` → ``(1, 28, 28)``."""
    return tuple(map(int, text.split("x")))


def told(size: Shape) -> str:
    """``1×28×28``."""
    return "×".join(map(str, size))
