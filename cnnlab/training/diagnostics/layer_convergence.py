"""Which layers reach their final form first: `settling_lag`, `change_lag`.

At each evaluation, the similarity (linear CKA, on validation images) of what each layer returns to what it returns at
the end of training. Of maps of more than `SIDE` pixels a side every second pixel counts: its neighbours say nearly the
same, and would cost as much again as the forward pass. A layer has settled at the first evaluation from which on it
stays at 0.9 or above. The lag is the share of training by which the upper half of the layers settles before the lower
half, means over layers. Raghu, Gilmer, Yosinski & Sohl-Dickstein 2017, "SVCCA", section 3, saw the lower layers settle
first.

A first layer is similar to its final self before it has learned anything, as both still are much like the image.
`change_lag` therefore asks when nine tenths of a layer's own change are done: of the way from its similarity at the
start to 1.
"""

from __future__ import annotations

from torch import Tensor

from cnnlab.training import diagnostics
from cnnlab.training.curves import Curves
from cnnlab.training.diagnostics import Findings, Point, Run, points
from cnnlab.training.diagnostics.cka import alignment, kernel, outputs

DIAGNOSTIC = {
    "metrics": {
        "settling_lag": {
            "title": "training time by which the upper half of the layers settles before the lower",
            "unit": "pp",
            "signed": True,
            "floor": "training",
        },
        "change_lag": {
            "title": "training time by which the upper half of the layers is done with its own change before the lower",
            "unit": "pp",
            "signed": True,
            "floor": "training",
        },
    },
    "profiles": {
        "settled_at": {"title": "settled at, % of training", "axis": "layer, from the input"},
        "changed_at": {
            "title": "nine tenths of its own change done at, % of training",
            "axis": "layer, from the input",
        },
        "similarity_to_final": {
            "title": "similarity of each layer to its final self",
            "axis": "step",
            "kind": "halves",
            "layers": "settled_at",
        },
    },
    "while_training": True,
}
IMAGES, SIDE, SETTLED = 128, 7, 0.9


class Diagnostic(diagnostics.Diagnostic):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.require(run.total_steps > 0, "training: epochs of 1 or more")
        self.require(len(run.layers) >= 2, "two convolutions or dense layers")
        self.images = diagnostics.some_images(run.data.validation, IMAGES)
        self.state = {"steps": [], "kernels": []}

    def start(self) -> None:
        self._keep(0)

    def evaluated(self, curves: Curves) -> None:
        self._keep(curves.steps[-1])

    def _keep(self, step: int) -> None:
        returned = outputs(self.run.model, self.run.layers, self.images)
        self.state["steps"].append(step)
        self.state["kernels"].append({name: kernel(_thinned(values)) for name, values in returned.items()})

    def finish(self) -> Findings:
        steps, history = self.state["steps"], self.state["kernels"]
        curves = {name: [alignment(then[name], history[-1][name]) for then in history] for name in self.run.layers}
        total = self.run.total_steps
        settled = {name: _settled(steps, curve, SETTLED) / total for name, curve in curves.items()}
        changed = {
            name: _settled(steps, curve, 1 - (1 - SETTLED) * (1 - curve[0])) / total for name, curve in curves.items()
        }
        profile = points("settled_at", settled, factor=100) + points("changed_at", changed, factor=100)
        profile += [
            Point(f"similarity_to_final {name}", step, value, name)
            for name, curve in curves.items()
            for step, value in zip(steps, curve, strict=True)
        ]
        return Findings({"settling_lag": _lag(settled), "change_lag": _lag(changed)}, profile=profile)


def _thinned(output: Tensor) -> Tensor:
    return output[..., ::2, ::2] if output.ndim == 4 and output.shape[-1] > SIDE else output


def _settled(steps: list[int], similarities: list[float], enough: float) -> int:
    """The first of `steps` from which on the similarity stays at `enough` or above; the last always does."""
    below = [place for place, value in enumerate(similarities[:-1]) if not value >= enough]
    return steps[below[-1] + 1] if below else steps[0]


def _lag(times: dict[str, float]) -> float:
    """Mean of the lower half of the layers minus that of the upper half; a layer in the middle is in neither."""
    half = len(times) // 2
    ordered = list(times.values())
    return sum(ordered[:half]) / half - sum(ordered[-half:]) / half
