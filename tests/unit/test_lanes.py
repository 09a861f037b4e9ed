"""A run's bits do not depend on its neighbours, on their number, on eager or captured: each lane against itself alone.

On a CPU lanes take turns; where there is a GPU, the same tests capture them in CUDA graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from cnnlab import models
from cnnlab.core.errors import UserError
from cnnlab.core.paths import Paths
from cnnlab.models.layers.dropout import Dropout, drawing_from, dropouts
from cnnlab.planning import model_registry
from cnnlab.planning.specs import OPTIMIZERS, ArmSpec, ModelSpec
from cnnlab.training import cuda, job, loop, process, records
from cnnlab.training.curves import Curves
from cnnlab.training.lane import Lane
from cnnlab.training.loop import Trained
from cnnlab.training.memory import MOST_LANES, lanes_that_fit
from cnnlab.training.observer import Observer
from tests import small_runs

SIZE = 16  # pixels, enough for the small preset of every family
ARCHITECTURES = model_registry.architectures()
AUGMENT = ("shift:2", "rotate:9", "flip", "cutout:3", "crop:1")
WANTED = {"dropout": 0.4, "normalization": "batch", "auxiliary": True, "depth": {"mlp": 4, "resnet_cifar": 8}}
no_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
Make = Callable[[], list[Lane]]


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=no_gpu)])
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    process.prepare_process(request.param)
    yield request.param
    torch.use_deterministic_algorithms(False)


def arm(device: str = "cpu", architecture: str = "lenet", train: dict[str, Any] | None = None, **more: Any) -> ArmSpec:
    """With all that draws, as far as the architecture has it."""
    declared, wanted = ARCHITECTURES[architecture].switches, {**WANTED, **more}
    switches = {
        name: value.get(architecture) if isinstance(value, dict) else value
        for name, value in wanted.items()
        if name in declared and not (isinstance(value, dict) and architecture not in value)
    }
    spec = small_runs.arm(architecture, {"epochs": 3, **(train or {})}, **switches)
    data = spec.data.model_copy(update={"augment": AUGMENT})
    return spec.model_copy(update={"data": data, "device": device})


def lanes(spec: ArmSpec, *runs: tuple[int, float], **options: Any) -> list[Lane]:
    """Of these seeds and rates."""
    data = small_runs.dataset(size=SIZE).to(spec.device)
    return [Lane(spec, data, seed, rate, spec.train.epochs, **options) for seed, rate in runs]


def together(made: Sequence[Lane], monkeypatch: pytest.MonkeyPatch) -> list[Trained]:
    """Trained side by side; on a GPU captured as soon as it can be."""
    with monkeypatch.context() as context:
        context.setattr(cuda, "WORTHWHILE", 1)
        return loop.train_lanes(made)


def alone(made: Sequence[Lane], monkeypatch: pytest.MonkeyPatch) -> list[Trained]:
    """Trained one after another; on a GPU eagerly."""
    with monkeypatch.context() as context:
        context.setattr(cuda, "WORTHWHILE", 10**9)
        return [loop.train_lanes([lane])[0] for lane in made]


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """To the bit: NaN is equal to NaN."""
    return one.cpu().numpy().tobytes() == other.cpu().numpy().tobytes()


def check_equal(one: Trained, other: Trained) -> None:
    left, right = one.model.state_dict(), other.model.state_dict()
    assert left.keys() == right.keys()
    assert [name for name in left if not same(left[name], right[name])] == []
    assert (one.step, one.status) == (other.step, other.status)
    for curve in ("loss", "gradient_norm"):
        assert same(getattr(one.curves, curve)[: one.step], getattr(other.curves, curve)[: one.step])
    assert repr(one.curves.by_evaluation()) == repr(other.curves.by_evaluation())
    assert repr(one.diagnostics.state_dict()["members"]) == repr(other.diagnostics.state_dict()["members"])


def check(make: Make, monkeypatch: pytest.MonkeyPatch) -> list[Trained]:
    """Lanes that train together end with the bits of the same lanes alone; returns the former."""
    trained = together(make(), monkeypatch)
    for one, other in zip(trained, alone(make(), monkeypatch), strict=True):
        check_equal(one, other)
    return trained


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_lanes_together_have_the_bits_of_each_alone(
    architecture: str, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = arm(device, architecture, activation="relu")
    trained = check(lambda: lanes(spec, (0, 0.05), (1, 0.05), (0, 0.01), diagnostics=("update_ratios",)), monkeypatch)
    losses = [each.curves.loss for each in trained]
    assert not torch.equal(losses[0], losses[1])
    assert not torch.equal(losses[0], losses[2])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("augment", [(), AUGMENT])
def test_any_number_of_lanes_by_any_optimizer(
    optimizer: str, augment: tuple[str, ...], device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = arm(device, train={"optimizer": optimizer, "evaluations_per_epoch": 2, "epochs": 7})
    spec = spec.model_copy(update={"data": spec.data.model_copy(update={"augment": augment})})
    check(lambda: lanes(spec, *((seed, 0.01) for seed in range(5))), monkeypatch)


def test_images_that_stay_bytes(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, floats = arm(device), small_runs.dataset(size=SIZE)
    images = (floats.train.images * 20 + 100).clamp(0, 255).to(torch.uint8)
    train = type(floats.train)(images, floats.train.labels, floats.train.scaling)
    data = type(floats)(**{**vars(floats), "train": train}).to(device)
    check(lambda: [Lane(spec, data, seed, 0.001, 3) for seed in range(2)], monkeypatch)


@no_gpu
def test_lanes_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    process.prepare_process("cuda")
    spec = arm("cuda").model_copy(update={"precision": "bf16"})
    check(lambda: lanes(spec, (0, 0.05), (1, 0.05)), monkeypatch)


@no_gpu
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_gpu_captures_steps_and_evaluations(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    process.prepare_process("cuda")
    captured, capture = [], cuda.Graphs._capture

    def noted(self: cuda.Graphs, work: cuda.Work, of: Sequence[Lane]) -> Any:
        captured.append((work.__name__, len(of)))
        return capture(self, work, of)

    monkeypatch.setattr(cuda.Graphs, "_capture", noted)
    together(lanes(arm("cuda", architecture), (0, 0.05), (1, 0.05)), monkeypatch)
    assert captured == [("_step", 2), ("_step", 2), ("_validate", 2)]


def test_a_lane_that_diverges_leaves_and_the_others_go_on(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = arm(device, normalization="none", activation="relu", train={"epochs": 4})
    trained = check(lambda: lanes(spec, (0, 0.05), (1, 1e30), (2, 0.05)), monkeypatch)
    assert [each.status for each in trained] == ["finished", "diverged", "finished"]
    assert trained[1].step == trained[0].steps_per_epoch
    assert trained[0].step == 4 * trained[0].steps_per_epoch


def test_a_lane_that_passes_its_time_limit_leaves_and_the_others_go_on(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = arm(device, train={"time_limit_seconds": 1000})

    def make() -> list[Lane]:
        made = lanes(spec, (0, 0.05), (1, 0.05), (2, 0.05))
        made[1].seconds = 1000
        return made

    trained = check(make, monkeypatch)
    assert [each.status for each in trained] == ["finished", "timed_out", "finished"]
    assert trained[1].step == trained[1].steps_per_epoch


class Stopped(Exception):
    pass


class Stop(Observer):
    def __init__(self, evaluations: int) -> None:
        self.evaluations = evaluations

    def evaluated(self, curves: Curves) -> None:
        if len(curves.steps) == self.evaluations:
            raise Stopped


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_one_among_several_goes_on_from_a_checkpoint(
    optimizer: str, device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two evaluations in an epoch of five steps: they do not fall on the same steps of epochs one apart."""
    spec = arm(device, train={"optimizer": optimizer, "batch_size": 8, "evaluations_per_epoch": 2})
    runs = (0, 0.01), (1, 0.01)
    watched = {"diagnostics": ("update_ratios", "activation_drift")}
    saved: dict[str, Any] = {"checkpoint": tmp_path / "checkpoint.pt", "checkpoint_seconds": 0.0, **watched}
    with pytest.raises(Stopped):
        loop.train_lanes([*lanes(spec, runs[0], **saved, observers=[Stop(3)]), *lanes(spec, runs[1])])
    (resumed,), (fresh,) = lanes(spec, runs[0], **saved), lanes(spec, runs[1], **watched)
    assert (resumed.step, fresh.step) == (5, 0)
    ended = together([resumed, fresh], monkeypatch)
    for one, other in zip(ended, alone(lanes(spec, *runs, **watched), monkeypatch), strict=True):
        check_equal(one, other)


def test_the_global_stream_of_random_numbers_is_left_alone(device: str) -> None:
    made, before = lanes(arm(device), (0, 0.05), diagnostics=("activation_drift",)), torch.get_rng_state()
    loop.train_lanes(made)
    assert torch.equal(before, torch.get_rng_state())


def test_lanes_share_their_time() -> None:
    one, other = loop.train_lanes(lanes(arm(), (0, 0.05), (1, 0.05)))
    assert one.seconds == pytest.approx(other.seconds)
    assert one.cpu_seconds == pytest.approx(other.cpu_seconds)
    assert one.seconds > 0


# Whether a step can be captured, where there is no GPU


class Captured(TorchDispatchMode):
    """Refuses what a capture would: a value that the CPU reads from a tensor or writes into one."""

    refused = ("_local_scalar_dense", "nonzero", "lift_fresh", "item")

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        name = function.overloadpacket.__name__
        assert name not in self.refused, name
        return function(*arguments, **(options or {}))


def on_tensors(lane: Lane) -> Lane:
    """As if in the memory of a GPU."""
    lane._done, lane._rates = torch.tensor([lane.step]), torch.tensor(lane.rates, dtype=torch.float64)
    lane.optimizer.steps = torch.zeros((), dtype=torch.float64)
    return lane


@pytest.mark.parametrize(
    ("architecture", "optimizer"),
    [*((name, "sgd") for name in ARCHITECTURES), *(("lenet", name) for name in OPTIMIZERS)],
)
def test_a_step_asks_the_cpu_nothing(architecture: str, optimizer: str) -> None:
    spec = arm("cpu", architecture, {"optimizer": optimizer, "warmup_steps": 2}, activation="relu")
    (numbers,), (tensors,) = lanes(spec, (0, 0.01)), lanes(spec, (0, 0.01))
    on_tensors(tensors)
    for _ in range(2 * numbers.steps_per_epoch):
        for lane in (numbers, tensors):
            lane.begin_step()
        loop._step(numbers)
        with Captured():
            loop._step(tensors)
        for lane in (numbers, tensors):
            lane.step += 1
    with Captured(), torch.no_grad():
        loop._validate(tensors)
    for one, other in zip(numbers.optimizer.parameters, tensors.optimizer.parameters, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-3, atol=2e-5)
    torch.testing.assert_close(numbers.curves.loss, tensors.curves.loss, rtol=2e-3, atol=1e-5)
    assert tensors.curves.loss[: tensors.step].all()


def test_a_number_that_the_cpu_reads_is_noticed() -> None:
    with pytest.raises(AssertionError, match="_local_scalar_dense"), Captured():
        float(torch.ones(1))


class Replayed(cuda.Graphs):
    """Graphs that are launched by doing their work again, on a CPU; notes what is captured and what is eager."""

    def __init__(self, of: Sequence[Lane]) -> None:
        super().__init__(of)
        self.captured: list[tuple[str, int, int]] = []
        self.eager: list[str] = []

    def _capture(self, work: cuda.Work, of: Sequence[Lane]) -> Any:
        self.captured.append((work.__name__, of[0].size, len(of)))
        results: list[Any] = []

        class Graph:
            def replay(self) -> None:
                results[:] = [work(lane) for lane in of]
                assert not any(lane.watching for lane in of)

        return Graph(), results

    def _branches(self, work: cuda.Work, of: Sequence[Lane]) -> list[Any]:
        self.eager.append(work.__name__)
        return [work(lane) for lane in of]


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Lane]], tuple[list[Trained], Replayed]]:
    """Trains lanes as if on a GPU."""

    def train(made: list[Lane]) -> tuple[list[Trained], Replayed]:
        monkeypatch.setattr(cuda, "_stream", lambda place: place)
        monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: None)
        graphs = Replayed(made)
        monkeypatch.setattr(loop, "_in_turn", graphs)
        return loop.train_lanes(made), graphs

    return train


Train = Callable[[list[Lane]], tuple[list[Trained], Replayed]]


def test_what_is_captured_and_when(replayed: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eager are the first of each kind, what is watched, and what comes too seldom; whoever leaves ends the graphs."""
    spec = arm(normalization="none", activation="relu", train={"epochs": 12})
    runs = (0, 0.05), (1, 1e30), (2, 0.05)
    expected = alone(lanes(spec, *runs), monkeypatch)
    trained, graphs = replayed(lanes(spec, *runs))
    assert [each.status for each in trained] == ["finished", "diverged", "finished"]
    assert graphs.captured == [("_step", 16, 3), ("_step", 16, 2), ("_step", 8, 2), ("_validate", 16, 2)]
    assert graphs.eager == ["_step", "_step", "_validate"]
    for one, other in zip(trained, expected, strict=True):
        check_equal(one, other)


def test_watched_steps_are_eager_and_rare_ones_stay_so(replayed: Train) -> None:
    _, graphs = replayed(lanes(arm(train={"epochs": 4}), (0, 0.05), diagnostics=("update_ratios",)))
    assert graphs.captured == [("_step", 16, 1)]
    # Steps 0, 5 and 10 are watched; 2, 5, 8 and 11 are of the smaller batch.
    assert graphs.eager.count("_step") == len({0, 5, 10, 2, 8, 11})
    assert graphs.eager.count("_validate") == 4


# What is told of the middle of a step


def test_an_observer_is_told_of_every_step_unless_it_says_which() -> None:
    class Every(Observer):
        def after_update(self, step: int) -> None:
            told.append(step)

    class Some(Every):
        def wants(self, step: int) -> bool:
            return step in (1, 4)

    assert not Observer().wants(0)
    for kind, expected in ((Every, list(range(9))), (Some, [1, 4])):
        told: list[int] = []
        loop.train_lanes(lanes(arm(), (0, 0.05), observers=[kind()]))
        assert told == expected


# Dropout


LAYOUTS = [
    ((5, 7), torch.contiguous_format),
    ((3, 4, 6, 6), torch.contiguous_format),
    ((3, 4, 6, 6), torch.channels_last),
]


@pytest.mark.parametrize(("shape", "layout"), LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_dropout_is_that_of_pytorch_to_the_bit(
    shape: tuple[int, ...], layout: torch.memory_format, dtype: torch.dtype
) -> None:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype).contiguous(memory_format=layout)
    ours, theirs = Dropout(0.3), nn.Dropout(0.3)
    assert repr(ours) == repr(theirs)
    ours.generator = torch.Generator().manual_seed(5)
    seen = []
    torch.manual_seed(5)
    for layer in (theirs, ours):
        given = values.clone(memory_format=torch.preserve_format).requires_grad_()
        out = layer(given)
        again = layer(2 * out)
        again.sin().sum().backward()
        seen.append((out, again, given.grad))
    for one, other in zip(*seen, strict=True):
        assert torch.equal(one, other)
        assert one.stride() == other.stride()
    assert (seen[0][0] == 0).any()
    assert torch.equal(ours.eval()(values), values)


def test_masks_come_from_another_generator_for_a_while() -> None:
    layer, values = Dropout(0.5), torch.ones(100)
    layer.generator = torch.Generator().manual_seed(1)
    first = layer(values)
    with drawing_from(torch.Generator().manual_seed(1), layer):
        assert torch.equal(layer(values), first)
    second = layer(values)
    layer.generator.manual_seed(1)
    assert torch.equal(layer(values), first)
    assert torch.equal(layer(values), second)


@pytest.mark.parametrize("kind", ["Dropout", "AlphaDropout"])
def test_the_dropout_of_pytorch_is_replaced_and_its_relatives_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    source = tmp_path / "mine.py"
    source.write_text(
        "from torch import nn\n"
        "ARCHITECTURE = {'title': 'Mine', 'paper': 'none', 'switches': {'common': {}},\n"
        "    'presets': {'small': {'input': [1, 14, 4]}}, 'smallest_image': 4}\n"
        "def build(images, layers):\n"
        f"    return nn.Sequential(nn.Flatten(), nn.Sequential(nn.{kind}(0.4)), nn.Linear(196, 4))\n"
    )
    monkeypatch.setenv("CNNLAB_MODEL_PATH", str(tmp_path))
    if kind != "Dropout":
        with pytest.raises(UserError, match=rf"mine\.py: 1.0: the masks of torch's {kind} depend on .*; take "):
            models.build(ModelSpec(architecture="mine"), 1, 14, 4)
    else:
        model = models.build(ModelSpec(architecture="mine"), 1, 14, 4)
        (layer,) = dropouts(model)
        assert layer is model.get_submodule("1.0")
        assert layer.p == 0.4


# A job


def test_lanes_are_as_many_as_the_memory_holds() -> None:
    small, large = (arm(architecture=name) for name in ("lenet", "vgg"))
    assert lanes_that_fit(small, 2**34) == lanes_that_fit(large, 2**36) == MOST_LANES
    assert lanes_that_fit(large, 0) == 1
    few = [lanes_that_fit(large, free) for free in range(0, 2**30, 2**25)]
    assert few == sorted(few)
    assert len(set(few)) > 1


def test_a_job_whose_lanes_train_together_leaves_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = small_runs.dataset(size=SIZE)
    monkeypatch.setattr(job.Job, "data", lambda self, seed: data)
    monkeypatch.setattr(job.Job, "card", {"checksum": "none"})
    spec = arm(train={"tune": {"rates": (0.001, 0.003), "extensions": 1}, "epochs": 3})
    asked: list[int] = []
    trained = loop.train_lanes

    def noted(made: Sequence[Lane]) -> list[Trained]:
        asked.append(len(made))
        return trained(made)

    monkeypatch.setattr(loop, "train_lanes", noted)
    files = []
    for most in (1, 2):
        paths = Paths(tmp_path / str(most), tmp_path)
        monkeypatch.setattr(job.Job, "_most_lanes", most)
        job.run_job(spec, paths, (0, 1, 2), 30)
        found = sorted(path for path in paths.results.rglob("*") if path.is_file() and path.name != records.PROVENANCE)
        files.append({path.relative_to(paths.results): path.read_bytes() for path in found})
    assert asked == [*[1] * 6, 2, 1, 1, 2]
    one, other = files
    differing = {path.as_posix() for path in one.keys() | other.keys() if one.get(path) != other.get(path)}
    assert {path for path in differing if "tuning" not in path} == set()  # of those the time differs
