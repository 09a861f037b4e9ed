"""Which layers reach their final form first: `settling_lag`.

At each evaluation, the similarity (linear CKA, on validation images) of what each layer returns to what it returns at
the end of training. Of maps of more than `SIDE` pixels a side every second pixel counts: its neighbours say nearly the
same, and would cost as much again as the forward pass. A layer has settled at the first evaluation from which on it
stays at 0.9 or above. Raghu, Gilmer, Yosinski & Sohl-Dickstein 2017, "SVCCA", section 3, saw the lower layers settle
first.
"""

from __future__ import annotations

from torch import Tensor

from cnnlab import diagnostics
from cnnlab.diagnostics import Findings, Point, Run
from cnnlab.diagnostics.similarity import alignment, kernel, outputs

IMAGES, SIDE, SETTLED = 128, 7, 0.9


class Diagnostic(diagnostics.Diagnostic):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.require(run.total_steps > 0, "training: epochs of 1 or more")
        self.require(len(run.layers) >= 2, "two convolutions or dense layers")
        self.images = next(run.data.validation.chunks(IMAGES))
        self.state = {"steps": [], "kernels": []}

    def start(self) -> None:
        self.evaluated(0, 0.0)

    def evaluated(self, step: int, train_loss: float) -> None:
        found = outputs(self.run.model, self.run.layers, self.images)
        self.state["steps"].append(step)
        self.state["kernels"].append({name: kernel(_thinned(values)) for name, values in found.items()})

    def finish(self) -> Findings:
        steps, history = self.state["steps"], self.state["kernels"]
        names = list(self.run.layers)
        curves = {name: [alignment(then[name], history[-1][name]) for then in history] for name in names}
        settled = {name: _settled(steps, curve) / self.run.total_steps for name, curve in curves.items()}
        half = len(names) // 2
        lower, upper = names[:half], names[-half:]
        lag = sum(settled[name] for name in lower) / half - sum(settled[name] for name in upper) / half
        profile = [Point("settled_at", depth, 100 * settled[name], name) for depth, name in enumerate(names, start=1)]
        profile += [
            Point(f"similarity_to_final {name}", step, value, name)
            for name, curve in curves.items()
            for step, value in zip(steps, curve, strict=True)
        ]
        return Findings({"settling_lag": lag}, profile=profile)


def _thinned(output: Tensor) -> Tensor:
    return output[..., ::2, ::2] if output.ndim == 4 and output.shape[-1] > SIDE else output


def _settled(steps: list[int], similarities: list[float]) -> int:
    """The first of `steps` from which on the similarity stays at 0.9 or above; the last always does."""
    below = [place for place, value in enumerate(similarities[:-1]) if not value >= SETTLED]
    return steps[below[-1] + 1] if below else steps[0]
