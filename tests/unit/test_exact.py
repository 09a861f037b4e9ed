"""Exact and structural claims: every one is computed, what decides it is right, and a fault makes it fail."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from cnnlab.analysis.exact import CLAIMS, check_registered
from cnnlab.analysis.exact import inception as exact_inception
from cnnlab.analysis.exact.evidence import Evidence, Evidenced, Finding, all_of, claim, compute_claim, shown
from cnnlab.analysis.exact.tensors import close, difference
from cnnlab.analysis.exact.zoo import Zoo
from cnnlab.analysis.tables import io
from cnnlab.cli import steps
from cnnlab.core import paths
from cnnlab.core.errors import UserError
from cnnlab.core.paths import Paths
from cnnlab.models import alexnet, cost, googlenet, lenet, resnet, skeleton, vgg
from cnnlab.models.layers import blocks, inception, residual, switches
from cnnlab.models.layers.batchnorm import BatchNorm
from cnnlab.planning import model_registry
from cnnlab.planning.studies.claims import Claim, ClaimRegistry, Kind, load_claims

NAMES = ("layers", "exact", "evidence")
# Universal sentences with an exception: stages 1 and 5 do not halve; in training, activations take most of the memory.
FAILING = {("C18", "stages"), ("C12", "memory")}


ROOT = Path(__file__).resolve().parents[2]


def tables_of(folder: Path) -> Paths:
    where = Paths(folder / "results", folder / "reports")
    plan = SimpleNamespace(paths=where, claims=load_claims(ROOT / paths.CLAIMS))  # all that the step needs of a plan
    steps.exact(plan)  # type: ignore[arg-type]
    return where


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return tables_of(tmp_path_factory.mktemp("exact"))


@pytest.fixture(scope="module")
def frames(made: Paths) -> dict[str, pd.DataFrame]:
    found = {name: io.read(made.table(name)) for name in NAMES}
    return {name: frame for name, frame in found.items() if frame is not None}


def evidence(frames: dict[str, pd.DataFrame], claim_id: str, **where: Any) -> pd.DataFrame:
    rows = frames["evidence"].query("id == @claim_id")
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows


def test_every_exact_and_structural_part_of_the_ledger_is_computed(frames: dict[str, pd.DataFrame]) -> None:
    ledger = load_claims(ROOT / paths.CLAIMS)
    parts = {(each.id, part) for each in ledger.claims for part, kind in each.parts.items() if kind != "empirical"}
    assert sorted(parts) == ledger.computed_parts
    assert set(CLAIMS) == parts
    assert set(zip(frames["exact"]["id"], frames["exact"]["part"], strict=True)) == parts
    assert set(zip(frames["evidence"]["id"], frames["evidence"]["part"], strict=True)) == parts


NEW_CLAIM = """
from cnnlab.analysis.exact.evidence import Evidence, claim


@claim("C98")
def a_stride_is_never_negative(zoo):
    strides = [zoo.trace("lenet").module(layer).stride[0] for layer in zoo.trace("lenet").of("Conv2d")]
    return [Evidence("lenet", "smallest stride", "pixels", min(strides), ">", 0, "none")], f"It is {min(strides)}."
"""
REGISTERED = "- {id: C98, chapter: lenet, statement: Strides are positive., parts: {main: exact}}\n"
PROGRAM = """
import json
from cnnlab.analysis.exact import compute_tables
from cnnlab.core.paths import CLAIMS
from cnnlab.planning.studies.claims import Claim, ClaimRegistry, Kind, load_claims
print(json.dumps(compute_tables(load_claims(CLAIMS))))
"""


def test_a_new_claim_is_one_function_in_a_new_file(tmp_path: Path) -> None:
    """In a copy of the package in which no other claim is computed, as all of them take half a minute."""
    kept = ("__init__.py", "evidence.py", "tensors.py", "zoo.py")
    others = [path.name for path in (ROOT / "cnnlab/analysis/exact").glob("*.py") if path.name not in kept]
    shutil.copytree(ROOT / "cnnlab", tmp_path / "cnnlab", ignore=shutil.ignore_patterns("__pycache__"))
    for name in others:
        (tmp_path / "cnnlab/analysis/exact" / name).unlink()
    (tmp_path / "cnnlab/analysis/exact/strides.py").write_text(NEW_CLAIM)
    (tmp_path / paths.CLAIMS).parent.mkdir()
    (tmp_path / paths.CLAIMS).write_text(REGISTERED)
    command, environment = [sys.executable, "-c", PROGRAM], {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert rows["exact"] == [{"id": "C98", "part": "main", "holds": True, "summary": "It is 1."}]
    (row,) = io.table("evidence", rows["evidence"]).to_dict("records")
    assert (row["id"], row["quantity"], row["value"], row["holds"]) == ("C98", "smallest stride", 1, True)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"main": "exact"}, None),
        ({"main": "structural", "beside": "empirical"}, None),
        ({"main": "empirical"}, f"{__name__.replace('.', '/')}.py: C98 (main) is not exact or structural in workflow/"),
        ({"other": "exact"}, "C98 (main) is not exact"),
        (
            {"main": "exact", "other": "structural"},
            "claims.yaml: C98 (other) needs no training, but no file of",
        ),
    ],
)
def test_computed_and_registered_claims_are_the_same(parts: dict[str, Kind], message: str | None) -> None:
    def compute(zoo: Zoo) -> Evidenced:
        raise NotImplementedError

    registry = ClaimRegistry(claims=(Claim(id="C98", chapter="c", statement="s", parts=parts),))
    with nullcontext() if message is None else pytest.raises(UserError, match=re.escape(message)):
        check_registered({("C98", "main"): compute}, registry)


def test_verdicts(frames: dict[str, pd.DataFrame]) -> None:
    rows = frames["exact"]
    assert {(row.id, row.part) for row in rows[~rows["holds"]].itertuples()} == FAILING
    assert all(text.endswith(".") and any(map(str.isdigit, text)) for text in rows["summary"])


def test_the_required_rows_decide(frames: dict[str, pd.DataFrame]) -> None:
    required = frames["evidence"][frames["evidence"]["required"]]
    assert required["holds"].notna().all()
    decided = required.groupby(["id", "part"])["holds"].all()
    assert decided.to_dict() == frames["exact"].set_index(["id", "part"])["holds"].to_dict()


def test_two_calls_write_the_same_bytes(made: Paths, tmp_path: Path) -> None:
    again = tables_of(tmp_path)
    for name in NAMES:
        for suffix in (".csv", ".parquet"):
            first, second = (where.table(name).with_suffix(suffix).read_bytes() for where in (made, again))
            assert first == second, f"{name}{suffix}"


@pytest.mark.parametrize(
    ("claim_id", "numbers"),
    [
        ("C02", [156, 2_416]),
        ("C03", [61_706]),
        ("C04", [46_764_746]),
        ("C10", [128_806_154, 43_093_322, 132_863_336]),
        ("C12", [48_120 / 61_706, 26_218_496 / 46_764_746, 102_764_544 / 128_806_154]),
        ("C17", [163_328, 442_368, 1_228_800, 163_696, 442_624, 1_229_056]),
        ("C18", [4, 2, 1]),
        ("C40", [11_178_378]),
        ("C45", [1, 9, 25]),
    ],
)
def test_known_numbers_are_found(frames: dict[str, pd.DataFrame], claim_id: str, numbers: list[float]) -> None:
    assert set(numbers) <= set(evidence(frames, claim_id)["value"])


class TestExceptions:
    """Where a sentence holds only in part, the rows say where."""

    def test_c18(self, frames: dict[str, pd.DataFrame]) -> None:
        stages = evidence(frames, "C18", against_name="halved, as claimed").set_index("case")
        assert stages["value"].to_dict() == {"stage1": 4, "stage2": 2, "stage3": 2, "stage4": 2, "stage5": 1}
        blocks = evidence(frames, "C18", unit="Inception blocks").iloc[0]
        assert (blocks["value"], blocks["holds"]) == (9, True)

    def test_c40(self, frames: dict[str, pd.DataFrame]) -> None:
        firsts = evidence(frames, "C40", unit="first block")
        eighteen = firsts[firsts["case"].str.startswith("ResNet with 18 layers")]
        assert eighteen["value"].tolist() == [0, 1, 1, 1]
        assert not firsts["required"].any()
        assert evidence(frames, "C40", unit="stages")["value"].tolist() == [3]

    def test_c12_fails_by_the_memory_of_training_alone(self, frames: dict[str, pd.DataFrame]) -> None:
        rows = evidence(frames, "C12")
        rows = rows[rows["required"]]
        assert rows.groupby(rows["quantity"].str.partition(":")[0])["holds"].unique().map(list).to_dict() == {
            "share of memory in prediction": [True],
            "share of memory in training": [False],
            "share of parameters": [True],
        }

    def test_c45_shows_that_pooling_shares_its_range(self, frames: dict[str, pd.DataFrame]) -> None:
        fields = evidence(frames, "C45", unit="pixels")
        assert len(fields) == 36
        assert fields["holds"].all()
        assert fields.groupby(fields["case"].str[-7:])["value"].unique().map(list).to_dict() == {
            "branch1": [1], "branch2": [9], "branch3": [25], "branch4": [9],
        }  # fmt: skip

    def test_c16_shows_the_groups_of_alexnet_apart(self, frames: dict[str, pd.DataFrame]) -> None:
        grouped = evidence(frames, "C16", unit="parameters")
        assert set(grouped["case"]) == {f"alexnet, paper, block{number}.conv" for number in (2, 4, 5)}
        assert grouped[~grouped["required"]]["holds"].tolist() == [False] * 3


def test_layers_are_those_of_every_preset(frames: dict[str, pd.DataFrame]) -> None:
    layers = frames["layers"]
    found = {(name, preset) for name, each in model_registry.architectures().items() for preset in each.presets}
    assert set(zip(layers["architecture"], layers["preset"], strict=True)) == found
    lenet_layers = layers[(layers["architecture"] == "lenet") & (layers["preset"] == "d2l")]
    assert lenet_layers["parameters"].sum() == 61_706
    assert lenet_layers["macs"].sum() == 416_520
    first = lenet_layers.iloc[0]
    assert (first["layer"], first["stage"], first["input_shape"], first["output_shape"]) == (
        "block1.conv", "block1", "1x28x28", "6x28x28",
    )  # fmt: skip
    assert (first["parameter_bytes"], first["activation_bytes"]) == (4 * 156, 4 * 6 * 28 * 28)


USERS = '''
from torch import nn
ARCHITECTURE = {
    "title": "Mixer", "paper": "none", "switches": {"activation": "relu", "initialization": "auto"},
    "presets": {"tiny": {"input": [1, 4, 10]}}, "smallest_image": 4,
}
def build(images, layers):
    """A dense layer on a tensor of 4 dimensions: against C15, had it a say."""
    channels, _, width, classes = images
    return nn.Sequential(nn.Linear(width, 3), layers.activation(), nn.Flatten(), nn.Linear(12 * channels, classes))
'''


def test_a_users_network_is_described_and_changes_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mixer.py").write_text(USERS)
    monkeypatch.setenv(model_registry.SEARCH_PATH, str(tmp_path))
    zoo = Zoo()
    assert ("mixer", "tiny") in {(trace.architecture, trace.preset) for trace in zoo.every()}
    assert "mixer" not in {trace.architecture for trace in zoo.own()}
    assert compute_claim("C15", "main", zoo).holds


def biased_running_variance(patch: pytest.MonkeyPatch) -> None:
    original = BatchNorm._of_batch

    def biased(self: BatchNorm, values: Tensor) -> tuple[Tensor, Tensor]:
        before = self.running_var.clone()
        mean, variance = original(self, values)
        self.running_var.copy_(before.lerp(variance.detach(), self.momentum))
        return mean, variance

    patch.setattr(BatchNorm, "_of_batch", biased)


def no_small_constant(patch: pytest.MonkeyPatch) -> None:
    original = BatchNorm.forward

    def forward(self: BatchNorm, values: Tensor) -> Tensor:
        self.epsilon = 0.0
        return original(self, values)

    patch.setattr(BatchNorm, "forward", forward)


def statistics_of_samples(patch: pytest.MonkeyPatch) -> None:
    """As layer normalization: over the channels too."""
    original = BatchNorm._of_batch

    def mixed(self: BatchNorm, values: Tensor) -> tuple[Tensor, Tensor]:
        mean, variance = original(self, values)
        return mean.mean().expand_as(mean), variance

    patch.setattr(BatchNorm, "_of_batch", mixed)


def halved_shortcut(patch: pytest.MonkeyPatch) -> None:
    def forward(self: residual.Block, images: Tensor) -> Tensor:
        out = images
        for name, layer in self.named_children():
            out = out + layer(images) / 2 if name == "shortcut" else layer(out)
        return out

    patch.setattr(residual.Block, "forward", forward)


def one_parameter_too_many(patch: pytest.MonkeyPatch) -> None:
    original = cost.parameters
    patch.setattr(cost, "parameters", lambda model: original(model) + 1)


def activation_first(patch: pytest.MonkeyPatch) -> None:
    original = blocks.affine_layers

    def turned(name: str, affine: nn.Module, normalizer: nn.Module, activation: Any, normalization: Any) -> Any:
        return original(name, affine, normalizer, activation, replace(normalization, after=True))

    patch.setattr(blocks, "affine_layers", turned)


def leaky_convolution(patch: pytest.MonkeyPatch) -> None:
    """A hundredth of each value leaks to the pixel beside it."""
    original = nn.Conv2d.forward
    patch.setattr(nn.Conv2d, "forward", lambda self, images: original(self, images + 0.01 * images.roll(1, -1)))


def dense_head(patch: pytest.MonkeyPatch) -> None:
    original = Zoo.trace
    patch.setattr(Zoo, "trace", lambda self, name, **options: original(self, name, head="dense", **options))


def widened_reduction(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(googlenet.TABLE_1, "3a", googlenet.TABLE_1["3a"]._replace(reduce5x5=1600))


def costlier_skeleton(patch: pytest.MonkeyPatch) -> None:
    wide = {name: widths._replace(reduce3x3=2 * widths.reduce3x3) for name, widths in skeleton.STAGES.items()}
    patch.setattr(skeleton, "STAGES", wide)


def flat_resnet(patch: pytest.MonkeyPatch) -> None:
    stages = resnet.stages
    unstrided = lambda block: lambda inputs, width, _: block(inputs, width, 1)  # noqa: E731
    patch.setattr(resnet, "stages", lambda width, counts, block: stages(width, counts, unstrided(block)))


def mean_for_max(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(switches.POOLINGS, "max", switches.POOLINGS["average"])


def unreduced_is_reduced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(inception.Widths, "without_reductions", lambda self: self)


def mean_with_a_default_stride(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(nn.AvgPool2d, "__init__", partial_stride(nn.AvgPool2d.__init__))


def partial_stride(original: Callable[..., None]) -> Callable[..., None]:
    def init(self: nn.Module, kernel: int, stride: int | None = None, *rest: Any, **options: Any) -> None:
        original(self, kernel, stride or 1, *rest, **options)

    return init


def constant(module: Any, name: str, value: object) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(module, name, value)


def statistics_of_rows(patch: pytest.MonkeyPatch) -> None:
    """Each column of a map by itself."""

    def of_batch(self: BatchNorm, values: Tensor) -> tuple[Tensor, Tensor]:
        first = values[..., 0] if values.ndim == 4 else values
        over = [0, *range(2, first.ndim)]
        return first.mean(over), first.var(over, correction=0)

    patch.setattr(BatchNorm, "_of_batch", of_batch)


def unflattened(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(nn.Flatten, "forward", lambda self, images: images.flatten(1)[:, None])


def overpadded(patch: pytest.MonkeyPatch) -> None:
    """The layers of one channel that the claim builds itself, by a pixel."""
    original = nn.Conv2d.__init__

    def init(self: nn.Conv2d, *arguments: Any, **options: Any) -> None:
        more = {"padding": options["padding"] + 1} if arguments[:2] == (1, 1) else {}
        original(self, *arguments, **{**options, **more})

    patch.setattr(nn.Conv2d, "__init__", init)


def dense_like_convolutions(patch: pytest.MonkeyPatch) -> None:
    original = cost.parameters
    patch.setattr(cost, "parameters", lambda model: original(model) // (1 + 999 * isinstance(model, nn.Linear)))


def wide_average(maps: int, classes: int, rate: float) -> dict[str, nn.Module]:
    """An averaging head with a hidden layer as wide as those that it replaces are large."""
    wide = blocks.Layers(nn.ReLU).dense_head((maps,), (10**6,), classes, rate)
    return {"pooling": nn.AdaptiveAvgPool2d(1), **wide}


def cropped_branches(patch: pytest.MonkeyPatch) -> None:
    """Inception blocks that lose a row and a column of a map that has many."""
    original = inception.InceptionBlock.forward

    def forward(self: nn.Module, images: Tensor) -> Tensor:
        out = original(self, images)
        return out[..., 1:, 1:] if out.shape[-1] > 8 else out

    patch.setattr(inception.InceptionBlock, "forward", forward)


FAULTS: list[tuple[str, str, Callable[[pytest.MonkeyPatch], None]]] = [
    ("C02", "main", dense_like_convolutions),
    ("C03", "main", constant(lenet, "MAPS", (6, 15))),
    ("C04", "main", constant(alexnet, "KERNELS", (5, 3, 3, 5))),
    ("C07", "outputs", mean_for_max),
    ("C10", "main", constant(vgg, "MULTIPLES", (1, 2, 4, 8, 9))),
    ("C12", "parameters", constant(lenet, "HIDDEN", (10, 84))),
    ("C13", "main", leaky_convolution),
    ("C14", "parameters", constant(blocks, "gap_head", wide_average)),
    ("C15", "main", unflattened),
    ("C16", "main", one_parameter_too_many),
    ("C17", "main", widened_reduction),
    ("C19", "main", constant(alexnet, "KERNELS", (3, 3, 3, 3))),
    ("C21", "main", overpadded),
    ("C23", "main", mean_with_a_default_stride),
    ("C31", "main", no_small_constant),
    ("C32", "main", activation_first),
    ("C34", "equality", biased_running_variance),
    ("C34", "equality", statistics_of_samples),
    ("C40", "main", flat_resnet),
    ("C41", "identity", halved_shortcut),
    ("C42", "main", costlier_skeleton),
    ("C43", "main", dense_head),
    ("C44", "main", unreduced_is_reduced),
    ("C46", "main", statistics_of_rows),
    ("C47", "main", statistics_of_samples),
]


@pytest.mark.parametrize(("claim_id", "part", "fault"), FAULTS)
def test_a_fault_makes_the_claim_fail(
    claim_id: str, part: str, fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    assert not compute_claim(claim_id, part, Zoo()).holds


def row_of(claim_id: str, part: str, quantity: str) -> list[bool | None]:
    return [row.holds for row in compute_claim(claim_id, part, Zoo()).evidence if row.quantity == quantity]


def test_a_block_that_loses_pixels_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert row_of("C18", "blocks", "height and width kept") == [True]
    cropped_branches(monkeypatch)
    assert row_of("C18", "blocks", "height and width kept") == [False]


def test_a_wrong_formula_of_the_receptive_field_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    reached = "input pixels with a gradient from one output pixel"
    assert all(row_of("C45", "main", reached))
    monkeypatch.setattr(exact_inception, "_receptive_field", lambda branch: 3)
    assert not all(row_of("C45", "main", reached))


class TestEvidence:
    row = partial(Evidence, "case", "parameters", "parameters")

    @pytest.mark.parametrize(
        ("relation", "below", "same", "above"),
        [("<", 1, 0, 0), ("<=", 1, 1, 0), ("=", 0, 1, 0), (">=", 0, 1, 1), (">", 0, 0, 1)],
    )
    def test_relations(self, relation: str, below: bool, same: bool, above: bool) -> None:
        assert [self.row(value, relation, 2).holds for value in (1, 2, 3)] == [below, same, above]

    def test_nothing_holds_of_what_is_not_a_number(self) -> None:
        assert not any(self.row(float("nan"), relation, 1).holds for relation in ("<", "<=", "=", ">=", ">"))

    def test_a_shown_number_decides_nothing(self) -> None:
        assert shown("case", "parameters", "parameters", 1).holds is None
        decisive = self.row(1, "=", 1)
        beside = replace(self.row(1, "=", 2), required=False)
        assert Finding("C02", "main", (decisive, beside), "").holds
        assert not Finding("C02", "main", (beside,), "").holds
        assert not Finding("C02", "main", (decisive, replace(beside, required=True)), "").holds

    def test_a_required_row_is_held_against_something(self) -> None:
        with pytest.raises(ValueError, match="held against nothing"):
            self.row(1)
        with pytest.raises(ValueError, match="relation '<' to None"):
            self.row(1, "<")
        with pytest.raises(ValueError, match="relation '~'"):
            self.row(1, "~", 1)

    def test_of_none_nothing_can_be_claimed(self) -> None:
        assert all_of("case", "so", "layers", [True, True]).holds
        assert not all_of("case", "so", "layers", [True, False]).holds
        assert not all_of("case", "so", "layers", []).holds

    def test_a_part_is_computed_once(self) -> None:
        with pytest.raises(ValueError, match=r"C02 \(main\) is computed twice"):
            claim("C02")(CLAIMS["C02", "main"])

    def test_differences_are_relative_and_of_one_shape(self) -> None:
        assert difference(torch.tensor([4.0, 1.0]), torch.tensor([4.0, 2.0])) == 0.25
        assert difference(torch.zeros(2), torch.zeros(2)) == 0
        assert not close("case", "outputs", difference(torch.zeros(2), torch.zeros(3))).holds
        assert not close("case", "outputs", difference(torch.tensor([torch.nan]), torch.ones(1))).holds
