"""The columns of every table: type, unit, and meaning. `cnnlab list --columns` prints them."""

from __future__ import annotations

from typing import Any

import pandera.pandas as pa

from cnnlab.metrics import METRICS

# Columns of `runs` that only some arms fill.
DIAGNOSED = {name: metric for name, metric in METRICS.items() if metric.diagnostic}
TEXT, COUNT, NUMBER, FLAG = "string", "Int64", "float64", "boolean"


def _schema(
    columns: dict[str, tuple[str, str]], required: tuple[str, ...], sort: tuple[str, ...]
) -> pa.DataFrameSchema:
    """A strict schema; a column outside `required` may be missing in a row."""
    fields: dict[str, Any] = {
        name: pa.Column(kind, nullable=name not in required, description=meaning)
        for name, (kind, meaning) in columns.items()
    }
    return pa.DataFrameSchema(fields, strict=True, coerce=True, metadata={"sort": list(sort)})


_RUN = {
    "run_id": (TEXT, "hash of arm, data, learning rate and seed"),
    "arm_id": (TEXT, "architecture, preset, and hash of all that planning knows"),
}
_CONTRAST = {
    "study": (TEXT, "name of the study"),
    "claim": (TEXT, "id of the claim that it is primary for"),
    "part": (TEXT, "part of the claim"),
    "index": (COUNT, "place within the claim"),
    "primary": (FLAG, "decides a claim; a secondary one gives no verdict"),
    "extension": (TEXT, "id of the claim beside which it is shown"),
    "metric": (TEXT, "what is compared"),
    "unit": (TEXT, "of estimate, interval and margin"),
    "contrast": (TEXT, "JSON, weight of each arm"),
    "direction": (TEXT, "what is claimed of the effect"),
    "margin": (NUMBER, "smallest effect that counts"),
    "label": (TEXT, "as shown"),
    "family": (TEXT, "row of the study's matrix; missing but for its cells"),
    "switch": (TEXT, "column of the study's matrix; missing but for its cells"),
    "n": (COUNT, "seeds"),
    "n_planned": (COUNT, "seeds that the study asks for"),
    "estimate": (NUMBER, "mean over seeds; median for a sign test"),
    "low": (NUMBER, "of the 95 % interval"),
    "high": (NUMBER, "of the 95 % interval"),
    "low90": (NUMBER, "of the 90 % interval, for equivalence"),
    "high90": (NUMBER, "of the 90 % interval, for equivalence"),
    "sd_seed": (NUMBER, "of the paired differences over seeds"),
    "sd_image": (NUMBER, "of the seed-mean paired differences over test images"),
    "n_images": (COUNT, "test images"),
    "correlation": (NUMBER, "between two arms over seeds"),
    "method": (TEXT, "t, satterthwaite, or sign"),
    "diverged": (COUNT, "runs that diverged"),
    "censored": (COUNT, "runs that never reached the target"),
    "p": (NUMBER, "of what is claimed"),
    "verdict": (TEXT, "supported, contradicted, equivalent, or inconclusive"),
    "settle_seeds": (
        COUNT,
        "seeds of a study that would settle it with a chance of 80 %, were the effect as estimated",
    ),
    "settle_images": (COUNT, "test images that would, likewise"),
    "reason": (TEXT, "why it is open"),
}
_CONTRAST_KEYS = ("study", "primary", "metric", "unit", "contrast")

TABLES: dict[str, pa.DataFrameSchema] = {
    "runs": _schema(
        {
            **_RUN,
            "architecture": (TEXT, "name of the network"),
            "preset": (TEXT, "its size"),
            "seed": (COUNT, "of initialisation, order of images, and dropout"),
            "learning_rate": (NUMBER, "peak of the schedule; missing for a network left as it was initialized"),
            "learning_rate_source": (TEXT, "tuned on validation, fixed by the study, or untrained"),
            "status": (TEXT, "finished, diverged, or timed_out"),
            "epochs": (COUNT, "asked for"),
            "steps": (COUNT, "done"),
            "test_error": (NUMBER, "share of test images"),
            "test_loss": (NUMBER, "nats per test image"),
            "train_error": (NUMBER, "share of training images, evaluation mode"),
            "train_loss": (NUMBER, "nats per training image, evaluation mode"),
            "gap": (NUMBER, "test_error minus train_error"),
            "validation_error": (NUMBER, "share of validation images"),
            "validation_loss": (NUMBER, "nats per validation image"),
            "steps_to_target": (COUNT, "first evaluated step at the target accuracy; missing if never reached"),
            "target_accuracy": (NUMBER, "share of validation images"),
            "first_gradient_norm": (NUMBER, "Euclidean norm of the first layer's gradient at step 1"),
            "early_gradient_norm": (NUMBER, "its geometric mean over steps 1 to 10"),
            "curve_area": (NUMBER, "mean validation accuracy over the evaluations: area under the learning curve"),
            "calibration_error": (NUMBER, "expected calibration error on test images, a share"),
            "parameters": (COUNT, "trained numbers"),
            **{name: (NUMBER, f"{metric.title}, {metric.unit}") for name, metric in DIAGNOSED.items()},
        },
        required=("run_id", "arm_id", "architecture", "preset", "seed", "status", "epochs", "steps"),
        sort=("arm_id", "seed"),
    ),
    "arms": _schema(
        {
            "study": (TEXT, "name of the study"),
            "arm": (TEXT, "name of the arm within it"),
            "label": (TEXT, "as shown"),
            "arm_id": _RUN["arm_id"],
            "architecture": (TEXT, "name of the network"),
            "preset": (TEXT, "its size"),
            "switches": (TEXT, "JSON, every switch"),
            "data": (TEXT, "JSON, what differs from the defaults"),
            "epochs": (COUNT, "passes over the training images"),
            "batch_size": (COUNT, "images per step"),
            "n_seeds": (COUNT, "runs"),
            "seeds": (TEXT, "which, as 0-7"),
            "learning_rate": (NUMBER, "peak of the schedule; missing until the arm is tuned"),
            "learning_rate_source": (TEXT, "tuned on validation, or fixed by the study"),
            "tuning_edge": (FLAG, "the best rate is the end of the grid, even extended"),
            "parameters": (COUNT, "trained numbers"),
        },
        required=("study", "arm", "label", "arm_id", "architecture", "preset", "switches", "data", "epochs"),
        sort=(),
    ),
    "curves": _schema(
        {
            **_RUN,
            "seed": (COUNT, "of the run"),
            "step": (COUNT, "updates done at this evaluation"),
            "epoch": (NUMBER, "passes done"),
            "train_loss": (NUMBER, "nats, mean over the steps since the last evaluation, training mode"),
            "validation_loss": (NUMBER, "nats, evaluation mode; infinite where it overflowed"),
            "validation_accuracy": (NUMBER, "share of validation images"),
            "learning_rate": (NUMBER, "at this step"),
        },
        required=("arm_id", "run_id", "seed", "step", "epoch"),
        sort=("arm_id", "seed", "step"),
    ),
    "profiles": _schema(
        {
            **_RUN,
            "seed": (COUNT, "of the run"),
            "quantity": (TEXT, "what a diagnostic saw"),
            "position": (NUMBER, "on the axis of the quantity: depth, step, or shift"),
            "label": (TEXT, "of the position"),
            "value": (NUMBER, "in the unit of the quantity"),
        },
        required=("arm_id", "run_id", "seed", "quantity", "position"),
        sort=("arm_id", "seed", "quantity", "position"),
    ),
    "classes": _schema(
        {
            "arm_id": _RUN["arm_id"],
            "class": (COUNT, "index of the class"),
            "name": (TEXT, "of the class; missing if the data has none"),
            "images": (COUNT, "test images of the class"),
            "runs": (COUNT, "over which is averaged: those that finished"),
            "accuracy": (NUMBER, "share of its images answered rightly"),
            "mistaken_for": (TEXT, "the most frequent wrong answer; missing if there is none"),
            "mistaken_share": (NUMBER, "share of its images answered so"),
        },
        required=("arm_id", "class", "images", "runs", "accuracy"),
        sort=("arm_id", "class"),
    ),
    "contrasts": _schema(_CONTRAST, required=_CONTRAST_KEYS, sort=()),
    "claims": _schema(
        {
            "id": (TEXT, "of the claim"),
            "part": (TEXT, "main, or the part's name"),
            "chapter": (TEXT, "of the notes"),
            "statement": (TEXT, "what is claimed"),
            "kind": (TEXT, "exact, structural, or empirical"),
            "verdict": (TEXT, "or running, or not tested"),
            "study": (TEXT, "that tests it"),
            "metric": (TEXT, "of the weakest primary contrast, as the columns that follow"),
            "unit": (TEXT, "of effect, interval and margin"),
            "direction": (TEXT, "what is claimed of the effect"),
            "effect": (NUMBER, "mean over seeds"),
            "low": (NUMBER, "of the 95 % interval"),
            "high": (NUMBER, "of the 95 % interval"),
            "margin": (NUMBER, "smallest effect that counts"),
            "n": (COUNT, "seeds"),
            "p": (NUMBER, "of what is claimed"),
            "ledger_wide_p": (NUMBER, "min(1, K p) over the K empirical parts of the registry"),
            "seeds_added": (FLAG, "seeds were added after a first look"),
            "reason": (TEXT, "why it is open"),
        },
        required=("id", "part", "kind", "verdict"),
        sort=(),
    ),
    "robustness": _schema(
        {
            "id": (TEXT, "of the claim"),
            "part": (TEXT, "main, or the part's name"),
            "study": (TEXT, "that tests it"),
            "verdict": (TEXT, "as in claims"),
            "margin_halved": (TEXT, "the verdict with each margin halved"),
            "margin_doubled": (TEXT, "the verdict with each margin doubled"),
            "leave_one_out": (
                TEXT,
                "JSON, how often each verdict occurs with one seed left out; missing if too few stay",
            ),
            "leave_one_out_same": (COUNT, "seeds without any one of which the verdict is the same"),
            "n": (COUNT, "seeds"),
            "stands_ledger_wide": (FLAG, "the verdict is the same at error rates divided by K; missing if it is open"),
        },
        required=("id", "part", "study", "verdict"),
        sort=("id", "part", "study"),
    ),
    "layers": _schema(
        {
            "architecture": (TEXT, "name of the network"),
            "preset": (TEXT, "its size"),
            "channels": (COUNT, "of the images"),
            "image_size": (COUNT, "height and width of the images, in pixels"),
            "classes": (COUNT, "told apart"),
            "index": (COUNT, "place in the order of execution"),
            "layer": (TEXT, "name"),
            "stage": (TEXT, "part of the network that it belongs to"),
            "kind": (TEXT, "class of the layer"),
            "input_shape": (TEXT, "without the sample dimension, as 1x28x28"),
            "output_shape": (TEXT, "without the sample dimension"),
            "parameters": (COUNT, "trained numbers of the layer itself"),
            "macs": (COUNT, "multiply-accumulates of one image, forward"),
            "parameter_bytes": (COUNT, "of its parameters, float32"),
            "activation_bytes": (COUNT, "of its output for one image, float32"),
        },
        required=("architecture", "preset", "index", "layer", "stage", "kind", "parameters", "macs"),
        sort=("architecture", "preset", "index"),
    ),
    "exact": _schema(
        {
            "id": (TEXT, "of the claim"),
            "part": (TEXT, "main, or the part's name"),
            "holds": (FLAG, "all required rows of its evidence do"),
            "summary": (TEXT, "the evidence in a sentence or two"),
        },
        required=("id", "part", "holds", "summary"),
        sort=("id", "part"),
    ),
    "evidence": _schema(
        {
            "id": (TEXT, "of the claim"),
            "part": (TEXT, "main, or the part's name"),
            "index": (COUNT, "place within the claim"),
            "case": (TEXT, "what is looked at"),
            "quantity": (TEXT, "what is counted or measured"),
            "unit": (TEXT, "of value and against"),
            "value": (NUMBER, "found"),
            "relation": (TEXT, "that value must have to against; empty where it is only shown"),
            "against": (NUMBER, "what it is held against"),
            "against_name": (TEXT, "whose number that is"),
            "required": (FLAG, "decides the claim; others are shown beside"),
            "holds": (FLAG, "the relation does; missing where the value is only shown"),
        },
        required=("id", "part", "index", "case", "quantity", "value", "required"),
        sort=("id", "part", "index"),
    ),
    "measured/runs": _schema(
        {
            **_RUN,
            "seconds": (NUMBER, "wall clock of training, evaluations on validation included"),
            "cpu_seconds": (NUMBER, "process time of the same and of the final evaluations"),
            "diagnostic_cpu_seconds": (NUMBER, "of that, what its diagnostics took"),
            "tuning_cpu_seconds": (NUMBER, "process time of tuning the arm, the same in each of its runs"),
            "seconds_to_first_step": (NUMBER, "from the start of the process to its first training step"),
            "seconds_to_target": (NUMBER, "to the target accuracy; missing if never reached"),
            "images_per_second": (NUMBER, "training images over wall clock"),
            "peak_memory_mb": (NUMBER, "MiB, of the process (CPU) or of the allocator (CUDA)"),
            "started_ms": (COUNT, "Unix time in milliseconds"),
            "threads": (COUNT, "of torch"),
            "device": (TEXT, "cpu or cuda"),
            "cpu": (TEXT, "model of the processor"),
            "gpu": (TEXT, "model of the GPU"),
            "git_commit": (TEXT, "of the code that trained it"),
            "git_dirty": (FLAG, "tracked files differed from the commit"),
            "python": (TEXT, "version"),
            "torch": (TEXT, "version"),
        },
        required=("run_id", "arm_id", "seconds", "cpu_seconds", "threads", "device"),
        sort=("arm_id", "run_id"),
    ),
    "measured/claims": _schema(
        {
            "id": (TEXT, "of the claim"),
            "part": (TEXT, "main, or the part's name"),
            "study": (TEXT, "that tests it"),
            "core_seconds": (NUMBER, "process time of its runs and of tuning its arms"),
        },
        required=("id", "part", "study"),
        sort=("id", "part", "study"),
    ),
    "measured/contrasts": _schema(_CONTRAST, required=_CONTRAST_KEYS, sort=()),
    "measured/cost": _schema(
        {
            "arm_id": _RUN["arm_id"],
            "architecture": (TEXT, "name of the network"),
            "preset": (TEXT, "its size"),
            "parameters": (COUNT, "trained numbers"),
            "macs": (COUNT, "multiply-accumulates of one image, forward"),
            "images_per_second": (NUMBER, "of training steps, alone on the machine"),
            "latency_ms": (NUMBER, "of one image, forward"),
            "memory_mb": (NUMBER, "MiB held by weights and activations of one training step"),
            "threads": (COUNT, "of torch"),
            "device": (TEXT, "cpu or cuda"),
        },
        required=("arm_id", "architecture", "parameters", "macs"),
        sort=("architecture", "parameters", "arm_id"),
    ),
    "measured/mlflow": _schema(
        {
            **_RUN,
            "experiment_id": (TEXT, "in the MLflow store"),
            "mlflow_run_id": (TEXT, "missing if MLflow could not be reached"),
        },
        required=("run_id",),
        sort=("arm_id", "run_id"),
    ),
    "measured/throughput": _schema(
        {
            "loop": (TEXT, "cnnlab, or the textbook loop"),
            "processes": (COUNT, "training at once"),
            "threads": (COUNT, "of torch, per process"),
            "workers": (COUNT, "of the DataLoader"),
            "images_per_second": (NUMBER, "median over rounds, all processes together"),
            "fastest": (NUMBER, "images per second of the fastest round"),
            "slowest": (NUMBER, "images per second of the slowest round"),
            "rounds": (COUNT, "timed passes"),
            "ratio": (NUMBER, "cnnlab's images per second over this row's, median of the paired rounds"),
            "compared": (TEXT, "what the ratio compares: one thread, or the whole machine"),
        },
        required=("loop", "processes", "threads", "workers", "images_per_second"),
        sort=(),
    ),
}
