"""A card for every architecture: pictures of its stages, what its presets cost, and every layer with its shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from cnnlab.analysis.network_stages import Network, networks, shape, told
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.figures.drawing import svg
from cnnlab.planning import model_registry
from cnnlab.planning.architecture import Architecture
from cnnlab.planning.figure_choice import NETWORKS, pictured
from cnnlab.report.tables.view import Cell, Column, TableView, missing
from cnnlab.wording.numbers import count, kibibytes, plain

PRESETS = (
    Column("Preset"),
    Column("Image", hint="Channels, height, width"),
    Column("Classes", numeric=True),
    Column("Parameters", numeric=True),
    Column("Multiply-accumulates", numeric=True, hint="Of one image, forward; without biases"),
    Column("Parameters, KiB", numeric=True, hint="In float32"),
    Column("Activations, KiB", numeric=True, hint="Outputs of all layers for one image, in float32"),
)
LAYERS = (
    Column("Layer"),
    Column("Kind"),
    Column("In", hint="N is the sample: convolutions carry four dimensions, dense layers two"),
    Column("Out"),
    Column("Parameters", numeric=True),
    Column("MACs", numeric=True, hint="Multiply-accumulates of one image, forward; without biases"),
    Column("Parameters, KiB", numeric=True, hint="In float32"),
    Column("Activations, KiB", numeric=True, hint="The layer's output for one image, in float32"),
)
NOT_YET = "its layers are not in the tables yet"


@dataclass(frozen=True)
class Picture:
    svg: Markup | None
    caption: str


@dataclass(frozen=True)
class Card:
    name: str
    title: str
    paper: str
    pictures: Sequence[Picture]
    presets: TableView
    traces: Sequence[TableView]


def build(tables: Tables, figures: Path) -> list[Card]:
    """One card for each architecture on the search path."""
    known = networks(tables)
    return [_card(found, known, figures) for found in model_registry.architectures().values()]


def _card(found: Architecture, known: Mapping[tuple[str, str], Network], figures: Path) -> Card:
    shown = pictured(found.presets)
    traces = [known[found.name, preset] for preset in shown if (found.name, preset) in known]
    return Card(
        name=found.name,
        title=found.title,
        paper=found.paper,
        pictures=[_picture(found, preset, figures) for preset in shown],
        presets=_presets(found, known),
        traces=[_trace(found, network) for network in traces],
    )


def _picture(found: Architecture, preset: str, figures: Path) -> Picture:
    size = found.presets[preset]
    path = figures / NETWORKS / f"{found.name}-{preset}.svg"
    drawn = Markup(svg.inline(path.read_text(encoding="utf-8"))) if path.exists() else None
    image = told((size.channels, size.image_size, size.image_size))
    return Picture(drawn, f"Preset {preset}, on images of {image} and {size.classes:,} classes.")


def _presets(found: Architecture, known: Mapping[tuple[str, str], Network]) -> TableView:
    rows = []
    for name, size in found.presets.items():
        network = known.get((found.name, name))
        switches = ", ".join(_said(key, value) for key, value in size.switches.items())
        costs = [Cell(text) for text in _costs(network)] if network else [missing(NOT_YET)] * 4
        image = told((size.channels, size.image_size, size.image_size))
        rows.append([Cell(name, note=switches), Cell(image), Cell(count(size.classes)), *costs])
    return TableView(f"presets-{found.name}", f"Presets of {found.title}", PRESETS, rows)


def _said(key: str, value: object) -> str:
    words = key.replace("_", " ")
    if isinstance(value, bool):
        return words if value else f"not {words}"
    return f"{words} {plain(value) if isinstance(value, int | float) else value}"


def _costs(network: Network) -> tuple[str, ...]:
    sizes = (4 * network.parameters, network.activation_bytes)
    return count(network.parameters), count(network.macs), *map(kibibytes, sizes)


def _trace(found: Architecture, network: Network) -> TableView:
    title = f"Layers of {found.title}, preset {network.preset}"
    rows = [_layer(layer) for layer in network.layers]
    return TableView(f"layers-{network.architecture}-{network.preset}", title, LAYERS, rows)


def _layer(row: Row) -> list[Cell]:
    return [
        Cell(row["layer"]),
        Cell(row["kind"]),
        *(Cell(f"N×{told(shape(row[key]))}") for key in ("input_shape", "output_shape")),
        *(Cell(count(row[key])) for key in ("parameters", "macs")),
        *(Cell(kibibytes(row[key])) for key in ("parameter_bytes", "activation_bytes")),
    ]
