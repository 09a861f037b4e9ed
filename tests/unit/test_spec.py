"""Ids: what changes a result changes the id, and nothing else does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlab.core.errors import UserError
from cnnlab.core.validation import digest, merge
from cnnlab.planning import model_registry
from cnnlab.planning.fingerprint import PACKAGE, closure, fingerprint, statements, training_files
from cnnlab.planning.fingerprint import code as code_of
from cnnlab.planning.specs import (
    FIRST_PILOT_SEED,
    TUNING_SEED,
    ArmSpec,
    DataSpec,
    ModelSpec,
    TrainSpec,
    TuneSpec,
    parse_seeds,
    run_id,
    seeds_slug,
)


def arm(**changes: object) -> ArmSpec:
    model = ModelSpec(architecture="lenet", switches={"activation": "relu"})
    fields = {"model": model, "data": DataSpec(name="mnist5k"), "train": TrainSpec(epochs=2), "torch": "2"}
    return ArmSpec(**{**fields, "fingerprint": "f", **changes})  # type: ignore[arg-type]


DIFFERENT = {
    "switch": {"model": ModelSpec(architecture="lenet", switches={"activation": "sigmoid"})},
    "preset": {"model": ModelSpec(architecture="lenet", preset="d2l", switches={"activation": "relu"})},
    "data": {"data": DataSpec(name="mnist5k", limit=500)},
    "folder": {"data": DataSpec(name="folder", root="a")},
    "epochs": {"train": TrainSpec(epochs=3)},
    "time limit": {"train": TrainSpec(epochs=2, time_limit_seconds=9)},
    "fixed rate": {"train": TrainSpec(epochs=2, learning_rate=0.1)},
    "device": {"device": "cuda"},
    "precision": {"precision": "bf16"},
    "torch": {"torch": "3"},
    "code": {"fingerprint": "g"},
}


@pytest.mark.parametrize("change", DIFFERENT)
def test_what_changes_a_result_changes_the_id(change: str) -> None:
    assert arm(**DIFFERENT[change]).arm_id != arm().arm_id


def test_the_place_of_a_known_dataset_does_not_change_the_id() -> None:
    assert arm(data=DataSpec(name="mnist5k", root="elsewhere")).arm_id == arm().arm_id
    assert DataSpec(name="mnist", root="elsewhere").data_id == DataSpec(name="mnist").data_id


def test_the_grid_of_a_fixed_rate_does_not_count() -> None:
    fixed = TrainSpec(epochs=2, learning_rate=0.1)
    grid = fixed.tune.model_copy(update={"rates": (0.5,)})
    assert arm(train=fixed).arm_id == arm(train=fixed.model_copy(update={"tune": grid})).arm_id


def test_how_seeds_are_tuned_counts_where_it_is_not_the_usual_way() -> None:
    """An arm tuned once for all its seeds has the id that it had before there was another way."""
    tuned = arm().train
    usual, apart = (tuned.model_copy(update={"tune": TuneSpec(per=per)}) for per in ("arm", "seed"))
    identity = {**arm().model_dump(mode="json", exclude_none=True), "data": arm().data.identity}
    before = {**identity, "train": {**identity["train"], "learning_rate": None, "time_limit_seconds": None}}
    del before["train"]["tune"]["per"]
    assert arm(train=usual).arm_id == arm().arm_id == f"lenet-small-{digest(before)}"
    assert arm(train=apart).arm_id != arm().arm_id
    fixed = [train.model_copy(update={"learning_rate": 0.1}) for train in (usual, apart)]
    assert len({arm(train=train).arm_id for train in fixed}) == 1


@given(st.sets(st.integers(0, FIRST_PILOT_SEED - 1), min_size=2, max_size=9), st.integers(1, 5))
def test_seeds_tuned_by_themselves_share_no_tuning_run(seeds: set[int], runs: int) -> None:
    apart, shared = (TuneSpec(seeds=runs, per=per) for per in ("seed", "arm"))
    of_each = [set(apart.tuning_seeds(seed)) for seed in seeds]
    assert all(len(of_seed) == runs for of_seed in of_each)
    assert len(set().union(*of_each)) == runs * len(seeds)
    assert min(set().union(*of_each)) >= TUNING_SEED > FIRST_PILOT_SEED > max(seeds)
    assert {shared.tuning_seeds(seed) for seed in seeds} == {range(TUNING_SEED, TUNING_SEED + runs)}


def test_what_the_job_does_to_the_images_does_not_change_the_prepared_file() -> None:
    plain = DataSpec(name="mnist5k")
    shuffled = DataSpec(name="mnist5k", shuffle_pixels=True, train_size=500, augment=("flip",))
    assert plain.data_id == shuffled.data_id == shuffled.prepared().data_id
    assert plain.data_id != DataSpec(name="mnist5k", image_size=14).data_id


def test_a_run_is_named_by_arm_data_rate_and_seed() -> None:
    ids = {run_id(a, c, r, s) for a in "ab" for c in "cd" for r in (0.1, 0.2) for s in (0, 1)}
    assert len(ids) == 16


@given(st.sets(st.integers(0, 60), min_size=1))
def test_seeds_survive_their_slug(seeds: set[int]) -> None:
    assert parse_seeds(seeds_slug(tuple(seeds))) == tuple(sorted(seeds))


def test_a_slug_that_is_none_is_one_line() -> None:
    with pytest.raises(UserError, match="--seeds x: not a list of seeds; write 0-7"):
        parse_seeds("x")


def test_merge_goes_mapping_by_mapping() -> None:
    assert merge({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"c": 3}, "d": [2]}) == {"a": {"b": 1, "c": 3}, "d": [2]}


def code(folder: Path, text: str) -> str:
    path = folder / f"{abs(hash(text))}.py"
    path.write_text(text)
    return statements([path])


def test_comments_docstrings_and_layout_are_not_code(tmp_path: Path) -> None:
    plain = code(tmp_path, "def f(x):\n    return x + 1\n")
    assert code(tmp_path, '"""What."""\ndef f( x ):\n    """Why."""\n    # how\n    return (x + 1)\n') == plain
    assert code(tmp_path, "def f(x):\n    return x + 2\n") != plain


def test_an_edit_of_one_architecture_changes_that_fingerprint_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = model_registry.source_file("lenet").read_text()
    (tmp_path / "mine.py").write_text(text)
    monkeypatch.setenv(model_registry.SEARCH_PATH, str(tmp_path))
    before = {name: fingerprint(name) for name in ("lenet", "mlp", "mine")}
    (tmp_path / "mine.py").write_text(text.replace("HIDDEN = (120, 84)", "HIDDEN = (120, 80)"))
    after = {name: fingerprint(name) for name in before}
    assert [name for name in before if before[name] != after[name]] == ["mine"]


def test_the_fingerprint_covers_what_training_is_made_of() -> None:
    own = {"models/lenet.py", "models/resnet_cifar.py", "models/layers/residual.py"}  # each counts for its own arms
    hashed = {place(path) for name in ("lenet", "resnet_cifar") for path in training_files(name)}
    assert own <= hashed
    assert not {place(path) for path in training_files("lenet")} & (own - {"models/lenet.py"})
    # What a training job imports and that decides no number; listed so that a new file must be put on one side.
    job = {place(path) for path in closure([PACKAGE / "training/job.py"])}
    assert {name for name in job - hashed if not name.startswith(("core/", "planning/"))} == {
        "training/__init__.py", "training/job.py", "training/lease.py", "training/records.py", "training/provenance.py",
        "training/svm.py", "training/memory.py", "models/cost.py",
    }  # fmt: skip
    assert "training/svm.py" in {place(path) for path in training_files("lenet", classifier="svm")}


def place(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_planning_imports_no_heavy_library() -> None:
    program = (
        "import sys; from cnnlab.planning.config import load_config; from cnnlab.planning.plan import make_plan;"
        "import cnnlab.cli.workflow;"
        "make_plan(load_config()); heavy = {'torch', 'numpy', 'pandas', 'mlflow', 'torchvision', 'seaborn'};"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_training_job_imports_only_what_training_needs() -> None:
    program = (
        "import sys; import cnnlab.cli.main, cnnlab.cli.steps, cnnlab.training.job, cnnlab.training.loop;"
        "import cnnlab.cli.progress, cnnlab.data.dataset;"
        "heavy = {'mlflow', 'pandas', 'seaborn', 'torchvision', 'matplotlib', 'scipy', 'mlxtend'};"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# The package or module behind a rule, and the stages whose code it may depend on.
STAGES = ("core", "planning", "data", "models", "training", "tracking", "analysis", "wording", "figures", "report")


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_depends_on_a_later_stage(stage: str) -> None:
    before = STAGES[: STAGES.index(stage) + 1]
    files = [place(path) for path in closure(sorted((PACKAGE / stage).rglob("*.py")))]
    assert {name.partition("/")[0] for name in files} <= set(before)


def test_a_package_stands_for_all_its_files() -> None:
    """As figures, diagnostics and exact claims are found in their folders, not imported by name."""
    edited = code_of("cnnlab.figures")
    assert "figures:" in edited
    assert edited != code_of("cnnlab.figures.errors")
