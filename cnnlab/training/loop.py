"""Training, whole: one network, one seed, one learning rate; nothing between the reader and the loop.

SGD with momentum. Reproducible bit for bit on one type of machine: the order of the images and every random draw are
functions of (seed, epoch), so a run that is resumed from a checkpoint ends with the bits of one that never stopped.
"""

from __future__ import annotations

import ctypes
import math
import os
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab import models
from cnnlab.data.dataset import Dataset, Split, batch_sizes, batches, derive_seed
from cnnlab.models.layers.auxiliary import cross_entropy
from cnnlab.planning.specs import ArmSpec, TrainSpec
from cnnlab.training.diagnostics import Diagnostics, Findings, Run, first_weight, steps_to_target
from cnnlab.training.optimizers import SGD
from cnnlab.training.records import disk_space, flush

Status = Literal["finished", "diverged", "timed_out"]
EARLY_STEPS = 10
EVALUATION_BATCH = 500
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3


@dataclass
class Curves:
    """One value per step, and one per evaluation."""

    loss: Tensor
    gradient_norm: Tensor
    steps: list[int] = field(default_factory=list)
    train_losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    validation_accuracies: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    milliseconds: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Trained:
    """What a run leaves behind: the network, its curves, how it ended, and what it cost."""

    model: nn.Module
    curves: Curves
    status: Status
    step: int
    steps_per_epoch: int
    interval: int
    diverged_at_step: int | None
    seconds: float
    cpu_seconds: float
    diagnostics: Diagnostics


def prepare_process(device: str) -> None:
    """One thread per CPU job and deterministic kernels: part of the protocol, as either changes the numbers."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms would import the compiler
    torch.backends.cudnn.benchmark = False
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if device == "cpu":
        torch.set_num_threads(1)
        keep_memory()


def keep_memory() -> None:
    """Let glibc keep what a step frees for the next step; the kernel would clear the pages anew each time.

    Elsewhere than on Linux with glibc nothing changes. `man 3 mallopt` explains the three limits.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for limit, value in ((M_MMAP_THRESHOLD, 32 << 20), (M_TRIM_THRESHOLD, 1 << 30), (M_TOP_PAD, 64 << 20)):
            mallopt(limit, value)


def train(
    arm: ArmSpec,
    data: Dataset,
    seed: int,
    learning_rate: float | None,
    epochs: int,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 30.0,
    first_step: Callable[[], None] = lambda: None,
    evaluated: Callable[[Curves], None] = lambda curves: None,
    diagnostics: Sequence[str] = (),
) -> Trained:
    """Train for `epochs`, evaluating on the validation split; the test images are not touched.

    A loss that is no longer finite ends the run as *diverged*, a passed time limit as *timed_out*: both are results.
    With `checkpoint`, an epoch's end is saved there at most every `checkpoint_seconds`, and a run found there goes on.
    """
    spec, device = arm.train, torch.device(arm.device)
    model = models.build(arm.model, data.channels, data.image_size, data.classes, seed).to(device)
    optimizer = SGD(model.parameters(), spec.momentum, spec.weight_decay)
    watched = first_weight(model)

    steps_per_epoch = len(batch_sizes(len(data.train), spec.batch_size))
    total = epochs * steps_per_epoch
    interval = max(1, steps_per_epoch // spec.evaluations_per_epoch)
    curves = Curves(torch.zeros(total, device=device), torch.zeros(total, device=device))
    watchers = Diagnostics(diagnostics, Run(arm, model, data, seed, learning_rate, total, steps_per_epoch))
    status: Status = "finished"
    diverged_at: int | None = None
    step = start_epoch = 0
    seconds = cpu_seconds = 0.0
    if checkpoint is not None and (saved := read_checkpoint(checkpoint, device)) is not None:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        watchers.load_state_dict(saved["diagnostics"])
        curves, step, start_epoch = saved["curves"], saved["step"], saved["epoch"]
        seconds, cpu_seconds = saved["seconds"], saved["cpu_seconds"]
    clock, cpu_clock, last_save = time.perf_counter(), time.process_time(), time.perf_counter()
    if step == 0:
        watchers.call("start")

    for epoch in range(start_epoch, epochs):
        torch.manual_seed(derive_seed(seed, "epoch", epoch))  # dropout; the order of the images has its own
        model.train()
        for images, labels in batches(data.train, seed, epoch, spec.batch_size, arm.data.augment):
            assert learning_rate is not None
            rate = learning_rate * schedule(spec, step, total)
            with torch.autocast(device.type, torch.bfloat16, enabled=arm.precision == "amp"):
                loss = cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            assert watched.grad is not None
            curves.loss[step] = loss.detach()
            curves.gradient_norm[step] = torch.linalg.vector_norm(watched.grad)
            watchers.call("before_update", step)
            optimizer.step(rate)
            step += 1
            if step == 1:
                first_step()

            if step % interval == 0 or step == total:
                done = curves.steps[-1] if curves.steps else 0
                evaluation = evaluate(model, data.validation)
                curves.steps.append(step)
                curves.train_losses.append(curves.loss[done:step].mean().item())
                curves.validation_losses.append(evaluation.mean_loss)
                curves.validation_accuracies.append(evaluation.accuracy)
                curves.learning_rates.append(rate)
                curves.milliseconds.append(time.time_ns() // 1_000_000)
                evaluated(curves)
                watchers.call("evaluated", step, curves.train_losses[-1])
                model.train()
                diverged_at = first_not_finite(curves.loss, done, step)
                spent = seconds + time.perf_counter() - clock
                if diverged_at is None and not math.isfinite(curves.validation_losses[-1]):
                    diverged_at = step
                if diverged_at is not None:
                    status = "diverged"
                elif spec.time_limit_seconds is not None and spent > spec.time_limit_seconds and step < total:
                    status = "timed_out"
                if status != "finished":
                    break
        if status != "finished":
            break
        if checkpoint is not None and time.perf_counter() - last_save > checkpoint_seconds and epoch + 1 < epochs:
            last_save = time.perf_counter()
            save_checkpoint(
                checkpoint,
                model=model.state_dict(),
                optimizer=optimizer.state_dict(),
                diagnostics=watchers.state_dict(),
                curves=curves,
                step=step,
                epoch=epoch + 1,
                seconds=seconds + last_save - clock,
                cpu_seconds=cpu_seconds + time.process_time() - cpu_clock,
            )
    return Trained(
        model=model,
        curves=curves,
        status=status,
        step=step,
        steps_per_epoch=steps_per_epoch,
        interval=interval,
        diverged_at_step=diverged_at,
        seconds=seconds + time.perf_counter() - clock,
        cpu_seconds=cpu_seconds + time.process_time() - cpu_clock,
        diagnostics=watchers,
    )


def schedule(spec: TrainSpec, step: int, total: int) -> float:
    """The factor of the learning rate at `step` (0-based) of `total`.

    Cosine decay without restarts (Loshchilov & Hutter 2017), a tenth after half and after three quarters of the steps
    (He et al. 2016), or constant; each after a linear warm-up.
    """
    if step < spec.warmup_steps:
        return (step + 1) / spec.warmup_steps
    if spec.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (step - spec.warmup_steps) / max(1, total - spec.warmup_steps)))
    if spec.schedule == "step":
        return 0.1 ** ((2 * step >= total) + (4 * step >= 3 * total))
    return 1.0


@dataclass(frozen=True)
class Evaluation:
    """Per image, in the order of the split: whether the answer is right, and the answer; log-loss in nats and the
    probability that the network gives its answer, None for a classifier without probabilities."""

    correct: Tensor
    predicted: Tensor
    loss: Tensor | None = None
    confidence: Tensor | None = None

    @property
    def accuracy(self) -> float:
        """Share of images whose answer is right."""
        return self.correct.double().mean().item()

    @property
    def error(self) -> float:
        return 1 - self.accuracy

    @property
    def mean_loss(self) -> float:
        """Nats an image; NaN for a classifier without probabilities."""
        return math.nan if self.loss is None else self.loss.double().mean().item()


def evaluate(model: nn.Module, split: Split) -> Evaluation:
    """The network in evaluation mode on every image of `split`, in batches of fixed size, in float32."""
    model.eval()
    with torch.inference_mode():
        logits = torch.cat([model(chunk).float() for chunk in split.chunks(EVALUATION_BATCH)])
        predicted = logits.argmax(1)
        loss = F.cross_entropy(logits, split.labels, reduction="none")
        confidence = logits.softmax(1).amax(1)
    return Evaluation(predicted == split.labels, predicted, loss, confidence)


@dataclass(frozen=True)
class Outcome:
    """What a run found: numbers, per-image test outcome, and what its diagnostics saw. No test outcome unless it
    finished."""

    values: dict[str, Any]
    test: Evaluation | None = None
    findings: Findings = field(default_factory=lambda: Findings({}))


def result(arm: ArmSpec, data: Dataset, trained: Trained, epochs: int) -> Outcome:
    """The deterministic outcome of a run. Test images are read here, after training.

    Missing values are None: a run that diverged has no final error, not an error of 1 or 0.
    """
    curves, early = trained.curves, trained.curves.gradient_norm[: min(EARLY_STEPS, trained.step)]
    accuracies = curves.validation_accuracies
    values: dict[str, Any] = {
        "status": trained.status,
        "epochs": epochs,
        "steps": trained.step,
        "steps_per_epoch": trained.steps_per_epoch,
        "evaluation_interval": trained.interval,
        "diverged_at_step": trained.diverged_at_step,
        "target_accuracy": arm.train.target_accuracy,
        "steps_to_target": steps_to_target(curves.steps, accuracies, arm.train.target_accuracy),
        "curve_area": sum(accuracies) / len(accuracies) if accuracies and trained.status == "finished" else None,
        "first_gradient_norm": finite(early[:1].double().mean().item()),
        "early_gradient_norm": finite(early.double().log().mean().exp().item()),
        "test_images": len(data.test),
        "parameters": _parameters(arm, trained.model),
    }
    finals = ("train_error", "train_loss", "validation_error", "validation_loss", "test_error", "test_loss")
    if trained.status != "finished":
        return Outcome({**values, **dict.fromkeys((*finals, "calibration_error"))})
    outcomes = _outcomes(arm, data, trained.model)
    for name, outcome in outcomes.items():
        values[f"{name}_error"], values[f"{name}_loss"] = outcome.error, finite(outcome.mean_loss)
    test, findings = outcomes["test"], trained.diagnostics.finish()
    values["calibration_error"] = None if test.confidence is None else calibration_error(test.confidence, test.correct)
    diagnosed = {name: None if value is None else finite(value) for name, value in findings.values.items()}
    return Outcome({**values, **diagnosed}, test, findings)


def _parameters(arm: ArmSpec, model: nn.Module) -> int | None:
    """Trained numbers of the network; None where no network is used."""
    return sum(parameter.numel() for parameter in model.parameters()) if arm.train.classifier != "hog_svm" else None


def _outcomes(arm: ArmSpec, data: Dataset, model: nn.Module) -> dict[str, Evaluation]:
    splits = {"train": data.train, "validation": data.validation, "test": data.test}
    if arm.train.classifier == "network":
        return {name: evaluate(model, split) for name, split in splits.items()}
    from cnnlab.training.svm import classify

    return classify(arm.train.classifier, model, splits)


def calibration_error(confidence: Tensor, correct: Tensor, bins: int = 15) -> float:
    """Expected calibration error: |accuracy - mean confidence| over bins of equal width, weighted by their images.

    Guo, Pleiss, Sun & Weinberger 2017, "On calibration of modern neural networks", equation 3; a share of 1.
    """
    bin_of = (confidence.double() * bins).ceil().long().clamp(1, bins) - 1
    gap = torch.zeros(bins, dtype=torch.float64, device=bin_of.device)
    gap.index_put_((bin_of,), correct.double() - confidence.double(), accumulate=True)
    return float(gap.abs().sum() / len(confidence))


def finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def first_not_finite(values: Tensor, start: int, stop: int) -> int | None:
    """The 1-based step of the first value in ``values[start:stop]`` that is NaN or infinite."""
    bad = (~torch.isfinite(values[start:stop])).nonzero()
    return start + int(bad[0]) + 1 if len(bad) else None


def save_checkpoint(path: Path, **state: Any) -> None:
    """Written aside, flushed to disk, then renamed: a checkpoint is whole or absent."""
    with disk_space(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}")
        try:
            torch.save(state, aside)
            flush(aside)
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)


def read_checkpoint(path: Path, device: torch.device) -> dict[str, Any] | None:
    """What was saved, or None if there is nothing, or nothing that can be read: then the run starts again."""
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=False)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
        path.unlink(missing_ok=True)
        return None
    return state
