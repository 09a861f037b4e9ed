"""The largest learning rate that still trains: `largest_rate`.

From the run's own rate upwards in octaves, the same seed and epochs each time, until two rates in a row end more than
2 percentage points of validation error above the best of all, or diverge. Missing if none of those tried do.
"""

from __future__ import annotations

from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings, Point, Run

DIAGNOSTIC = {
    "metrics": {
        "largest_rate": {
            "title": "largest learning rate within 2 pp of the best",
            "unit": "log2 ratio",
            "better": "higher",
            "floor": "octave",
        }
    },
    "profiles": {"error_by_rate": {"title": "validation error, %", "axis": "learning rate", "log_x": True}},
    "while_training": True,
    "cost_share": 6.0,  # a network is trained at each rate
}
TOLERANCE, FAILURES, MOST_OCTAVES = 0.02, 2, 14


class Diagnostic(diagnostics.Diagnostic):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.require(run.total_steps > 0, "training: epochs of 1 or more")

    def finish(self) -> Findings:
        from cnnlab.training import evaluate, loop

        run = self.run
        assert run.learning_rate is not None
        epochs = run.total_steps // run.steps_per_epoch
        errors: dict[float, float] = {run.learning_rate: evaluate.evaluate(run.model, run.data.validation).error}
        for octave in range(1, MOST_OCTAVES + 1):
            if len(errors) >= FAILURES and not any(_good(errors)[-FAILURES:]):
                break
            rate = run.learning_rate * 2**octave
            trained = loop.train(run.arm, run.data, run.seed, rate, epochs)
            failed = trained.status != "finished"
            errors[rate] = 1.0 if failed else evaluate.evaluate(trained.model, run.data.validation).error
        good = [rate for rate, fine in zip(errors, _good(errors), strict=True) if fine]
        points = [Point("error_by_rate", rate, 100 * error) for rate, error in errors.items()]
        ended = not any(_good(errors)[-FAILURES:])
        return Findings({"largest_rate": max(good) if ended else None}, profile=points)


def _good(errors: dict[float, float]) -> list[bool]:
    best = min(errors.values())
    return [error <= best + TOLERANCE for error in errors.values()]
