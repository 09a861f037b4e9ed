"""The zoo as planning sees it: what is found, what is resolved, and the lines that say what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cnnlab.core.errors import UserError
from cnnlab.planning import model_registry
from cnnlab.planning.architecture import VOCABULARY

ROOT = Path(__file__).parents[2]
LENET = model_registry.get("lenet")
NORMALIZATIONS = ", ".join(VOCABULARY["normalization"])
TOY = """
ARCHITECTURE = {
    "title": "Toy",
    "paper": "none",
    "switches": {"activation": {"default": "relu", "choices": ["relu", "tanh"]}, "top": {"default": "dense",
                 "choices": ["dense", "average"]}, "scale": 0.5, "initialization": "auto"},
    "presets": {"small": {"input": [1, 8, 2], "table": [3, 4]}},
    "smallest_image": 2,
}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(model_registry.SEARCH_PATH, str(tmp_path))
    return tmp_path


def test_zoo_every_file_that_declares_an_architecture_is_found() -> None:
    assert {"mlp", "lenet", "resnet_cifar"} <= set(model_registry.architectures())
    assert model_registry.source_file("lenet") == ROOT / "cnnlab/models/lenet.py"


def test_zoo_planning_imports_no_heavy_package() -> None:
    code = (
        "import sys; from cnnlab.planning import model_registry as registry; registry.architectures();"
        "registry.resolve('resnet_cifar', 'small', {'depth': 44}, 'here');"
        "registry.check_image('resnet_cifar', 'small', {}, 1, 14, 14, 10, 'here');"
        "print(sorted({'torch', 'numpy', 'pandas', 'mlflow', 'cnnlab.models'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_zoo_resolving_is_complete_canonical_and_idempotent() -> None:
    switches = model_registry.resolve("lenet", "small", {"activation": "relu", "dropout": 0}, "here")
    assert switches == {
        "activation": "relu",
        "normalization": "none",
        "normalization_order": "before",
        "affine": "both",
        "pooling": "average",
        "dropout": 0.0,
        "head": "dense",
        "width": 6,
        "initialization": "kaiming",
    }
    assert isinstance(switches["dropout"], float)
    assert model_registry.resolve("lenet", "small", switches, "here") == switches


def test_zoo_the_order_of_overrides_does_not_count() -> None:
    one = model_registry.resolve("resnet_cifar", "small", {"depth": 8, "width": 4}, "here")
    other = model_registry.resolve("resnet_cifar", "small", {"width": 4, "depth": 8.0}, "here")
    assert list(one.items()) == list(other.items())


def test_zoo_a_preset_overrides_defaults_and_a_study_overrides_the_preset() -> None:
    assert model_registry.resolve("resnet_cifar", "paper", {}, "here")["width"] == 16
    assert model_registry.resolve("resnet_cifar", "small", {}, "here")["width"] == 8
    assert model_registry.resolve("resnet_cifar", "small", {"width": 5}, "here")["width"] == 5


@pytest.mark.parametrize(
    ("activation", "scheme"),
    [
        ("relu", "kaiming"),
        ("gelu", "kaiming"),
        ("sigmoid", "xavier"),
        ("scaled_sigmoid", "xavier"),
        ("tanh", "xavier"),
        ("identity", "xavier"),
    ],
)
def test_zoo_the_usual_initialization_follows_the_activation(activation: str, scheme: str) -> None:
    for given in ({}, {"initialization": "auto"}):
        switches = model_registry.resolve("lenet", "small", {"activation": activation, **given}, "here")
        assert switches["initialization"] == scheme


def test_zoo_a_given_initialization_stays() -> None:
    given = {"activation": "relu", "initialization": "xavier"}
    assert model_registry.resolve("lenet", "small", given, "here")["initialization"] == "xavier"


@pytest.mark.parametrize(
    ("architecture", "preset", "overrides", "line"),
    [
        (
            "lenett",
            "small",
            {},
            "here: architecture: unknown architecture 'lenett'; did you mean 'lenet'? valid: "
            + ", ".join(model_registry.architectures()),
        ),
        (
            "lenet",
            "smal",
            {},
            "here: preset: lenet has no preset 'smal'; did you mean 'small'? valid: d2l, paper, small",
        ),
        (
            "lenet",
            "small",
            {"residual": True},
            f"here: lenet does not take 'residual' ({LENET.refuses['residual']}); it takes {', '.join(LENET.switches)}",
        ),
        (
            "lenet",
            "small",
            {"activaton": "relu"},
            "here: unknown switch 'activaton'; did you mean 'activation'? valid: " + ", ".join(sorted(LENET.switches)),
        ),
        (
            "lenet",
            "small",
            {"activation": "rleu"},
            "here: activation: unknown value 'rleu'; did you mean 'relu'? valid: "
            + ", ".join(sorted(VOCABULARY["activation"])),
        ),
        (
            "lenet",
            "small",
            {"normalization": False},
            f"here: normalization: unknown value False; valid: {NORMALIZATIONS}",
        ),
        (
            "lenet",
            "small",
            {"normalization": None},
            f"here: normalization: unknown value None; valid: {NORMALIZATIONS}",
        ),
        ("lenet", "small", {"dropout": 1}, "here: dropout: 1 is out of range; it takes 0 or more, below 1"),
        (
            "lenet",
            "small",
            {"dropout": -0.1},
            "here: dropout: -0.1 is out of range; it takes 0 or more, below 1",
        ),
        (
            "lenet",
            "small",
            {"dropout": "0.5"},
            "here: dropout: 0.5 is not a number; it takes 0 or more, below 1",
        ),
        (
            "lenet",
            "small",
            {"dropout": float("nan")},
            "here: dropout: nan is not a number; it takes 0 or more, below 1",
        ),
        (
            "resnet_cifar",
            "small",
            {"depth": 21},
            "here: depth: 21 is not one of 8, 14, 20, ...; nearest: 20 or 26",
        ),
        ("resnet_cifar", "small", {"depth": 2}, "here: depth: 2 is not one of 8, 14, 20, ...; nearest: 8"),
        ("resnet_cifar", "small", {"width": 0}, "here: width: 0 is not one of 1, 2, 3, ...; nearest: 1"),
        ("resnet_cifar", "small", {"width": 2.5}, "here: width: 2.5 is not one of 1, 2, 3, ...; nearest: 2 or 3"),
        ("resnet_cifar", "small", {"width": True}, "here: width: true is not a number; it takes 1, 2, 3, ..."),
        ("resnet_cifar", "small", {"residual": "no"}, "here: residual: unknown value 'no'; valid: false, true"),
        (
            "lenet",
            "small",
            {"affine": "scale"},
            "here: normalization: none with affine: scale is contradictory: "
            "there is no normalization that could learn a scale or shift; change one of them",
        ),
        (
            "lenet",
            "small",
            {"normalization_order": "after"},
            "here: normalization: none with normalization_order: after is contradictory: "
            "there is no normalization to place; change one of them",
        ),
        (
            "mlp",
            "small",
            {"initialization": "paper"},
            "here: initialization: unknown value 'paper'; did you mean 'xavier'? valid: d2l, kaiming, xavier",
        ),
        (
            "resnet_cifar",
            "small",
            {"residual": False, "shortcut": "projection"},
            "here: residual: false with shortcut: projection is contradictory: "
            "a plain network has no shortcut; change one of them",
        ),
    ],
)
def test_zoo_a_wrong_model_is_one_line(architecture: str, preset: str, overrides: dict[str, object], line: str) -> None:
    with pytest.raises(UserError) as caught:
        model_registry.resolve(architecture, preset, overrides, "here")
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("shape", "line"),
    [
        ((1, 11, 28, 10), "here: lenet takes no images of 11x28 pixels; set image_size to 12 or more"),
        ((0, 28, 28, 10), "here: 0 channels and 10 classes; at least 1 channel and 2 classes needed"),
        ((1, 28, 28, 1), "here: 1 channels and 1 classes; at least 1 channel and 2 classes needed"),
    ],
)
def test_zoo_impossible_images_are_one_line(shape: tuple[int, int, int, int], line: str) -> None:
    with pytest.raises(UserError) as caught:
        model_registry.check_image("lenet", "small", {}, *shape, "here")
    assert str(caught.value) == line


def test_zoo_a_users_file_is_found_without_being_listed(folder: Path) -> None:
    (folder / "toy.py").write_text(TOY)
    (folder / "helpers.py").write_text("x = 1\n")
    (folder / "_draft.py").write_text("ARCHITECTURE = nonsense\n")
    assert {"toy", "lenet"} <= set(model_registry.architectures())
    assert "helpers" not in model_registry.architectures()
    resolved = model_registry.resolve("toy", "small", {"top": "average", "scale": 2}, "here")
    assert resolved == {"activation": "relu", "top": "average", "scale": 2.0, "initialization": "kaiming"}


def test_zoo_another_architectures_switch_is_refused_by_name(folder: Path) -> None:
    (folder / "toy.py").write_text(TOY)
    with pytest.raises(UserError, match="lenet does not take 'scale'; it takes activation"):
        model_registry.resolve("lenet", "small", {"scale": 1.0}, "here")


def test_zoo_an_architecture_may_offer_fewer_values_than_the_vocabulary(folder: Path) -> None:
    (folder / "toy.py").write_text(TOY)
    with pytest.raises(UserError, match="activation: unknown value 'sigmoid'; valid: relu, tanh"):
        model_registry.resolve("toy", "small", {"activation": "sigmoid"}, "here")


def test_zoo_an_edited_file_is_read_again(folder: Path) -> None:
    path = folder / "toy.py"
    path.write_text(TOY)
    assert model_registry.get("toy").title == "Toy"
    path.write_text(TOY.replace('"Toy"', '"Toy 2"'))
    os.utime(path, ns=(1, 1))
    assert model_registry.get("toy").title == "Toy 2"


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("lenet", TOY, "architecture 'lenet' is defined by"),
        (
            "toy",
            TOY.replace("0.5", "0.5 + x"),
            "toy.py:2:16: ARCHITECTURE is not a literal; write its values out",
        ),
        ("toy", "ARCHITECTURE = [1]\n", "toy.py:1:16: ARCHITECTURE is not a dict"),
        ("toy", "ARCHITECTURE = {\n", "toy.py:1:16: '{' was never closed; fix that line"),
        (
            "toy",
            TOY.replace('"smallest', '"needs_sqare": True, "smallest'),
            "needs_sqare: unknown key; did you mean 'needs_square'?",
        ),
        ("toy", TOY.replace('"auto"', '"he"'), "switches.initialization: unknown value 'he'"),
        ("toy", TOY.replace(', "initialization": "auto"', ""), 'add "initialization": "auto"'),
        ("toy", TOY.replace('"tanh"]', '"tan"]'), "switches.activation.choices: tan: not in the vocabulary"),
        ("toy", TOY.replace("0.5", '"half"'), "switches.scale: a switch that is a name declares its choices"),
        (
            "toy",
            TOY.replace('"table": [3, 4]', '"switches": {"width": 3}'),
            "presets.small.switches.width: not one of this architecture's switches",
        ),
        ("Toy-1", TOY, "ARCHITECTURE: name:"),
    ],
)
def test_zoo_a_wrong_declaration_is_one_line(folder: Path, name: str, text: str, line: str) -> None:
    (folder / f"{name}.py").write_text(text)
    with pytest.raises(UserError) as caught:
        raise model_registry.broken()[name]
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_zoo_a_missing_folder_on_the_search_path_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(model_registry.SEARCH_PATH, "/nowhere/at/all")
    with pytest.raises(UserError, match="CNNLAB_MODEL_PATH: there is no folder /nowhere/at/all; create it"):
        model_registry.architectures()


def test_zoo_switches_describe_their_values() -> None:
    switches = model_registry.get("resnet_cifar").switches
    assert switches["depth"].describe() == "8, 14, 20, ..."
    assert switches["residual"].describe() == "false, true"
    assert switches["normalization"].describe() == NORMALIZATIONS
