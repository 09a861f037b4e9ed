"""A card for every architecture: pictures of its stages, what its presets cost, and every layer with its shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnlab.analysis.network_stages import Network, networks, shape, told
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.planning import model_registry
from cnnlab.planning.architecture import Architecture, Preset
from cnnlab.planning.studies.figure_choice import NETWORKS, pictured
from cnnlab.report.tables.settings import in_words
from cnnlab.report.tables.view import MACS_HINT, Cell, Column, Number, Picture, TableView, table, value
from cnnlab.wording.numbers import count, kibibytes


@dataclass(frozen=True)
class Sized:
    """A preset, with its layers once they are in the tables."""

    name: str
    preset: Preset
    network: Network | None

    @property
    def image(self) -> str:
        return told((self.preset.channels, self.preset.image_size, self.preset.image_size))


def build(tables: Tables, figures: Path) -> list[dict[str, Any]]:
    """One card for each architecture on the search path, as ``networks.html.j2`` shows it."""
    built = networks(tables)
    return [_card(architecture, built, figures / NETWORKS) for architecture in model_registry.architectures().values()]


def _card(architecture: Architecture, built: Mapping[tuple[str, str], Network], folder: Path) -> dict[str, Any]:
    name = architecture.name
    sizes = {preset: Sized(preset, size, built.get((name, preset))) for preset, size in architecture.presets.items()}
    drawn = [sizes[preset] for preset in pictured(architecture.presets)]
    captions = [
        f"Preset {sized.name}, on images of {sized.image} and {sized.preset.classes:,} classes." for sized in drawn
    ]
    return {
        "architecture": architecture,
        "pictures": [
            Picture(sized.name, folder / f"{name}-{sized.name}.svg", caption)
            for sized, caption in zip(drawn, captions, strict=True)
        ],
        "presets": table(f"presets-{name}", f"Presets of {architecture.title}", PRESETS, sizes.values()),
        "traces": [_trace(architecture, sized.network) for sized in drawn if sized.network],
    }


def _trace(architecture: Architecture, network: Network) -> TableView:
    caption = f"Layers of {architecture.title}, preset {network.preset}"
    return table(f"layers-{architecture.name}-{network.preset}", caption, LAYERS, network.layers)


def _size(title: str, size: Callable[[Network], str], hint: str = "") -> Column[Sized]:
    return Number(
        title,
        lambda sized: size(sized.network) if sized.network else None,
        hint,
        missing="its layers are not in the tables yet",
    )


def _shape(name: str) -> Callable[[Row], str]:
    return lambda row: f"N×{told(shape(row[name]))}"


PRESETS: tuple[Column[Sized], ...] = (
    Column("Preset", lambda sized: Cell(sized.name, note=in_words(sized.preset.switches, sized.preset.switches))),
    Column("Image", lambda sized: sized.image, "Channels, height, width"),
    Number("Classes", lambda sized: count(sized.preset.classes)),
    _size("Parameters", lambda network: count(network.parameters)),
    _size("Multiply-accumulates", lambda network: count(network.macs), MACS_HINT),
    _size("Parameters, KiB", lambda network: kibibytes(4 * network.parameters), "In float32"),
    _size(
        "Activations, KiB",
        lambda network: kibibytes(network.activation_bytes),
        "Outputs of all layers for one image, in float32",
    ),
)
LAYERS: tuple[Column[Row], ...] = (
    Column("Layer", value("layer")),
    Column("Kind", value("kind")),
    Column("In", _shape("input_shape"), "N is the sample: convolutions carry four dimensions, dense layers two"),
    Column("Out", _shape("output_shape")),
    Number("Parameters", value("parameters", count)),
    Number("MACs", value("macs", count), "Multiply-accumulates of one image, forward; without biases"),
    Number("Parameters, KiB", value("parameter_bytes", kibibytes), "In float32"),
    Number("Activations, KiB", value("activation_bytes", kibibytes), "The layer's output for one image, in float32"),
)
