"""What the file of an architecture declares: its switches and the values they take, its presets, its limits.

Planning reads these declarations, so nothing here imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import count, islice
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from cnnlab.core.errors import UserError, nearest
from cnnlab.core.places import Where, within
from cnnlab.core.validation import Spec
from cnnlab.planning.specs import Count, Positive, Switch, switch_text

AUTO = "auto"
# A name's meaning is given once, in the maps of `models/switches.py` and `models/initialization.py`.
VOCABULARY: dict[str, tuple[str, ...]] = {
    "activation": ("sigmoid", "scaled_sigmoid", "tanh", "relu", "gelu", "identity"),
    # batch_scratch and batch_biased are our own layer of models/layers/batchnorm.py, the latter as in the notes' code;
    # ghost8 and ghost32 are those of models/layers/ghost.py
    "normalization": ("none", "batch", "batch_scratch", "batch_biased", "ghost8", "ghost32", "layer", "group"),
    "normalization_order": ("before", "after"),  # of the activation
    "affine": ("both", "scale", "shift", "none"),  # what a normalization learns
    "pooling": ("average", "max", "none"),  # none: the convolution before it takes the stride
    "head": ("dense", "gap"),  # gap: global average pooling
    "initialization": ("xavier", "kaiming", "d2l", "paper"),
}
# What ``common`` among the switches of a declaration stands for; initialization then comes last.
COMMON: dict[str, Switch] = {
    "activation": "relu",
    "normalization": "none",
    "normalization_order": "before",
    "affine": "both",
    "initialization": AUTO,
}
# Values that exclude each other wherever an architecture takes these switches, by the reason.
CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "without a shortcut nothing would pass a block that starts at 0": {"zero_init": True, "residual": False},
    "there is no normalization whose scale could start at 0": {"zero_init": True, "normalization": "none"},
    "the normalization learns no scale that could start at 0": {"zero_init": True, "affine": ["shift", "none"]},
    "the last normalization follows the sum, and would erase the shortcut too": {
        "zero_init": True,
        "normalization_order": "after",
    },
    "there is no normalization to place": {"normalization": "none", "normalization_order": "after"},
    "there is no normalization that could learn a scale or shift": {
        "normalization": "none",
        "affine": ["scale", "shift", "none"],
    },
}
# Where blocks have no sum between the two, these two orders are one.
ORDERLESS = {"the identity comes before and after at once": {"activation": "identity", "normalization_order": "after"}}
SUMS = ("residual", "block")
# Numbers from 0 up to but not including 1, always stored as floats.
SHARES = ("dropout",)


def _words(choices: Any) -> Any:
    """Names may be written as one text, with spaces between them."""
    return tuple(choices.split()) if isinstance(choices, str) else choices


class SwitchSpec(Spec):
    """One switch of an architecture: its default, and what else it may be."""

    name: str
    default: Switch
    choices: Annotated[tuple[Switch, ...], BeforeValidator(_words)] = ()
    start: Count | None = Field(None, alias="from", description="smallest value of a whole number; 1 when absent")
    step: Count = 1

    @field_validator("default", mode="before")
    @classmethod
    def _is_one_value(cls, default: Any, info: ValidationInfo) -> Any:
        if isinstance(default, list | tuple | Mapping):
            name = info.data.get("name", "width")
            raise ValueError(
                f'write the default alone, "{name}": 1, or choices too, "{name}": {{"default": 1, "choices": [1, 2]}}'
            )
        return default

    @property
    def values(self) -> tuple[Switch, ...]:
        """Those to choose from; empty where the switch is a number."""
        if isinstance(self.default, bool):
            return (False, True)
        return self.choices or VOCABULARY.get(self.name, ())

    def describe(self) -> str:
        """The legal values as a person would say them: ``none, batch`` or ``8, 14, 20, ...``."""
        if values := self.values:
            return ", ".join(map(switch_text, values))
        if self.name in SHARES:
            return "0 or more, below 1"
        if isinstance(self.default, float):
            return "a number"
        return ", ".join(map(str, islice(count(self.start or 1, self.step), 3))) + ", ..."

    def check(self, value: object) -> Switch:
        """`value` in its canonical type (a share written ``0`` becomes ``0.0``).

        Raises:
            ValueError: what is wrong, and which values are legal.
        """
        if values := self.values:
            return _choose(value, values)
        if isinstance(self.default, str):
            raise ValueError("a switch that is a name declares its choices; add them")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{switch_text(value)} is not a number; it takes {self.describe()}")
        if self.name in SHARES and not 0 <= value < 1:
            raise ValueError(f"{value} is out of range; it takes {self.describe()}")
        if self.name in SHARES or isinstance(self.default, float):
            return float(value)
        return self._whole(value)

    def refusal(self, value: object) -> str | None:
        """What is wrong with `value`; None if it is legal."""
        try:
            self.check(value)
        except ValueError as error:
            return str(error)
        return None

    def _whole(self, value: float) -> int:
        start = self.start or 1
        if float(value).is_integer() and value >= start and (value - start) % self.step == 0:
            return int(value)
        below = start + max(0, math.floor((value - start) / self.step)) * self.step
        close = f"{below} or {below + self.step}" if value > start else f"{start}"
        raise ValueError(f"{value} is not one of {self.describe()}; nearest: {close}")


def _choose(value: object, values: tuple[Switch, ...]) -> Switch:
    for candidate in values:
        if type(candidate) is type(value) and candidate == value:
            return candidate
    if isinstance(value, str) and all(isinstance(candidate, str) for candidate in values):
        raise ValueError(f"unknown value '{value}'; {nearest(value, map(str, values))}")
    raise ValueError(f"unknown value {value!r}; valid: {', '.join(map(switch_text, values))}")


def _as_specs(switches: Any) -> Any:
    """A bare value is a switch with that default; each switch knows its name."""
    if not isinstance(switches, Mapping):
        return switches
    return {
        name: {**(value if isinstance(value, Mapping) else {"default": value}), "name": name}
        for name, value in switches.items()
    }


def _with_common(switches: Mapping[str, Any]) -> dict[str, Any]:
    """`switches` with those of `COMMON` in the place of ``common``, which gives the defaults that are others."""
    complete: dict[str, Any] = {}
    for name, value in switches.items():
        if name == "common" and not isinstance(value, Mapping):
            raise ValueError('switches: common: write "common": {}, or the defaults that differ')
        complete |= {**COMMON, **value} if name == "common" else {name: value}
    last = {"initialization": complete.pop("initialization")} if "common" in switches else {}
    return {**complete, **last}


def _with_table(preset: Any, table: Mapping[str, Any]) -> Any:
    """A preset with the table of the architecture below its own."""
    own = preset.get("table", {}) if isinstance(preset, Mapping) else None
    return {**preset, "table": {**table, **own}} if isinstance(own, Mapping) else preset


class Preset(Spec):
    """A named size of an architecture, with the data that it is meant for."""

    input: tuple[Count, Count, Count] = Field(description="channels, pixels a side and classes of the images")
    switches: dict[str, Switch] = Field({}, description="defaults that differ from the architecture's own")
    table: Any = Field(None, description="what `build` is given as `table`, over the architecture's own")
    smallest_image: Count | None = None
    microseconds: Positive = Field(
        300.0, description="of training on one of these images, about, on one core of an ordinary machine"
    )

    @property
    def channels(self) -> int:
        return self.input[0]

    @property
    def image_size(self) -> int:
        """Pixels a side."""
        return self.input[1]

    @property
    def classes(self) -> int:
        return self.input[2]


class Contradiction(Spec):
    """Switch values that exclude each other; a list stands for any of its values."""

    when: dict[str, Switch | tuple[Switch, ...]]
    because: str

    def values(self) -> dict[str, tuple[Switch, ...]]:
        """The values of each switch that take part."""
        return {name: value if isinstance(value, tuple) else (value,) for name, value in self.when.items()}


class PaperInitialization(Spec):
    """How the paper draws its weights; biases start at 0 but for those of the layers named in `ones`."""

    normal: Positive | None = Field(None, description="standard deviation")
    normal_fan_in: Positive | None = Field(None, description="g of the variance g / fan-in of a normal distribution")
    uniform_fan_in: Positive | None = Field(None, description="g of the bound g / fan-in of a uniform distribution")
    ones: tuple[str, ...] = Field((), description="layers whose biases start at 1, by the beginning of their names")

    @model_validator(mode="after")
    def _one_distribution(self) -> PaperInitialization:
        if sum(value is not None for value in (self.normal, self.normal_fan_in, self.uniform_fan_in)) != 1:
            raise ValueError("give one of normal, normal_fan_in, uniform_fan_in")
        return self


class Architecture(Spec):
    """The literal ``ARCHITECTURE`` of one file, with the file's name and path."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    path: Path
    title: str
    paper: str
    switches: Annotated[dict[str, SwitchSpec], BeforeValidator(_as_specs)]
    table: dict[str, Any] = Field({}, description="what `build` is given as `table`, presets aside")
    presets: dict[Annotated[str, Field(pattern=r"^[a-z0-9_]+$")], Preset] = Field(min_length=1)
    smallest_image: Count = Field(description="smallest legal height and width, in pixels")
    needs_square: bool = False
    contradictions: tuple[Contradiction, ...] = ()
    refuses: dict[str, str] = Field({}, description="why a switch that others take makes no sense here")
    paper_initialization: PaperInitialization | None = None

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, declared: Any) -> Any:
        """Common switches and tables are filled in; `initialization: paper` is to be had where the paper says how."""
        switches, presets, table = declared.get("switches"), declared.get("presets"), declared.get("table")
        if isinstance(table, Mapping) and isinstance(presets, Mapping):
            presets = {name: _with_table(preset, table) for name, preset in presets.items()}
            declared = {**declared, "presets": presets}
        if not isinstance(switches, Mapping):
            return declared
        switches = _with_common(switches)
        if isinstance(switches.get("initialization"), str):
            choices = VOCABULARY["initialization"][: None if declared.get("paper_initialization") else -1]
            switches["initialization"] = {"default": switches["initialization"], "choices": choices}
        return {**declared, "switches": switches}

    @model_validator(mode="after")
    def _consistent(self) -> Architecture:
        wrong = [*self._objections()]
        if "initialization" not in self.switches:
            wrong.append('switches: every architecture takes initialization; add "initialization": "auto"')
        if wrong:
            raise ValueError(*dict.fromkeys(wrong))
        return self

    def _objections(self) -> Iterator[str]:
        for name, switch in self.switches.items():
            unknown = [value for value in switch.choices if value not in VOCABULARY.get(name, switch.choices)]
            if unknown:
                yield f"switches.{name}.choices: {unknown[0]}: not in the vocabulary of this switch"
            yield from self._refusals(name, switch.default, "switches")
        for name, preset in self.presets.items():
            for switch_name, value in preset.switches.items():
                yield from self._refusals(switch_name, value, f"presets.{name}.switches")
        for rule in self.contradictions:
            for name, values in rule.values().items():
                for value in values:
                    yield from self._refusals(name, value, "contradictions.when")
        for name in self.refuses:
            if name in self.switches:
                yield f"refuses.{name}: it is one of the switches; remove one"

    def _refusals(self, name: str, value: Switch, place: str) -> Iterator[str]:
        if name not in self.switches:
            yield f"{place}.{name}: not one of this architecture's switches; remove it, or add it to switches"
        elif (name, value) != ("initialization", AUTO) and (reason := self.switches[name].refusal(value)):
            yield f"{place}.{name}: {reason}"

    @property
    def excluded(self) -> tuple[Contradiction, ...]:
        """Its own contradictions, and the general ones about switches that it takes."""
        rules = CONTRADICTIONS if set(SUMS) & set(self.switches) else CONTRADICTIONS | ORDERLESS
        general = (Contradiction(when=when, because=because) for because, when in rules.items())
        return (*self.contradictions, *(rule for rule in general if set(rule.when) <= set(self.switches)))

    def preset(self, name: str, where: Where) -> Preset:
        """The preset of that name.

        Raises:
            UserError: with the nearest name if there is none.
        """
        if name not in self.presets:
            here = within(where, "preset")
            raise UserError(f"{here}: {self.name} has no preset '{name}'; {nearest(name, self.presets)}")
        return self.presets[name]
