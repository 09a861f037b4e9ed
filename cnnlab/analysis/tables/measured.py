"""Tables of what is measured beside the runs: cost of the arms, throughput of the loop, and where MLflow has the runs.

The rows come from `cnnlab.training.speed`, ``benchmarks/throughput.py``, and `cnnlab.tracking`.
"""

from __future__ import annotations

from cnnlab.analysis.tables.schema import COUNT, NUMBER, RUN, TEXT, schema

COLUMNS = {
    "measured/cost": schema(
        {
            "arm_id": RUN["arm_id"],
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
    "measured/mlflow": schema(
        {
            **RUN,
            "experiment_id": (TEXT, "in the MLflow store"),
            "mlflow_run_id": (TEXT, "missing if MLflow could not be reached"),
        },
        required=("run_id",),
        sort=("arm_id", "run_id"),
    ),
    "measured/throughput": schema(
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
