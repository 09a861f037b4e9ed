"""All mistakes of a file at once: each a line that begins with file, line, column and key, and tells what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnlab.core.errors import UserError, nearest
from cnnlab.planning import model_registry
from cnnlab.planning.config import load_config
from cnnlab.planning.studies.claims import load_claims
from tests.studies import plan_of
from tests.unit.test_study import STUDY


def mistakes(folder: Path, *changes: tuple[str, str], text: str = STUDY) -> list[str]:
    """What is wrong with the study after these changes, without the folder."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    with pytest.raises(UserError) as caught:
        plan_of(folder, text)
    return [line.removeprefix(f"{folder}/") for line in caught.value.lines]


def test_all_that_has_the_wrong_form_is_said_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        ("title:", "titel:"),
        ("seeds: 6", "seeds: [0, two]"),
        ("metric: first_gradient_norm", "metric: gradient"),
        ("direction: greater, margin: 1", "direction: up, margin: [1]"),
    )
    assert [line.partition(";")[0] for line in found] == [
        "mine.yaml:2:1: titel: unknown key",
        "mine.yaml:11:12: seeds.1: 'two': write a whole number",
        "mine.yaml:17:10: claims.0.requires.0.metric: 'gradient': unknown metric",
        "mine.yaml:17:62: claims.0.requires.0.direction: 'up': unknown",
        "mine.yaml:17:77: claims.0.requires.0.margin: [1]: write a number",
    ]
    assert "did you mean 'title'?" in found[0]
    assert "more: `cnnlab list --metrics`)" in found[2]


def test_all_that_cannot_be_planned_is_said_at_once(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        ("{name: mnist5k}", "{name: mnist5k, imagesize: 8}"),
        ("sigmoid: {model: {activation: sigmoid}}", "sigmoid: {model: {activation: ReLU}}"),
        ("relu: {model: {activation: relu}}", "relu: {model: {activaton: relu, widht: 3}}"),
        ("seeds: 6", "seeds: 3\nseen: [1000]\nlabels: {rleu: ReLU}\ntiers: {ful: {seeds: 6}}"),
        ("id: C06\n    ledger: true", "id: C66"),
        ("sigmoid: -1", "sigmiod: -1"),
    )
    assert [line.partition(";")[0] for line in found] == [
        "mine.yaml:6:25: base.data.imagesize: unknown key",
        "mine.yaml:9:21: arms.sigmoid.model.activation: unknown value 'ReLU'",
        "mine.yaml:10:18: arms.relu.model.activaton: unknown switch 'activaton'",
        "mine.yaml:10:35: arms.relu.model.widht: unknown switch 'widht'",
        "mine.yaml:11:1: seeds: 3 cannot decide a claim",
        "mine.yaml:12:1: seen: from 0 to 999",
        "mine.yaml:13:10: labels.rleu: no arm 'rleu'",
        "mine.yaml:14:9: tiers.ful: no such tier",
        "mine.yaml:16:5: claims.0.id: C66 is not in workflow/claims.yaml",
        "mine.yaml:19:59: claims.0.requires.0.contrast.sigmiod: no arm 'sigmiod'",
    ]
    assert "did you mean 'relu'?" in found[1]


def test_all_that_may_not_be_compared_is_said_at_once(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        ("architecture: lenet\n", "architecture: mlp\n"),
        ("relu: {model: {activation: relu}}", "relu: {model: {activation: relu}, train: {tune: {rates: [0.1, 0.3]}}}"),
        ("seeds: 6", "seeds: 6\nlabels: {relu: sigmoid}\ntiers: {quick: {base: {data: {limit: 9000}}}}"),
    )
    assert [line.partition(";")[0] for line in found] == [
        "mine.yaml:12:10: labels.relu: 'sigmoid' is the label of 'sigmoid' too",
        "mine.yaml:13:31: tiers.quick.base.data.limit: 9000, but mnist5k has 5,000 images",
        "mine.yaml:17:5: claims.0.architecture: mlp, but the contrast compares lenet",
        "mine.yaml:19:39: claims.0.requires.0.contrast: its arms are tuned on different grids",
    ]


# What is changed in STUDY, and what the one line must say.
TOLD = {
    "where a value stands": ("{epochs: 2}", "{epochs: -1}", "mine.yaml:7:11: base.train.epochs: -1: write 0 or more"),
    "a number that nobody means": ("epochs: 2", f"epochs: {10**30}", "is a slip of the finger; write less"),
    "a name of another kind": (
        "study: mine",
        "study: Mine!",
        "study: 'Mine!': write small letters, digits, _, - alone",
    ),
    "a word for a number": ("seeds: 6", "seeds: many", "seeds: 'many': write a whole number, or a list, [a, b]"),
    "a list for a word": (
        "relu: {model: {activation: relu}}",
        "relu: {model: {activation: [relu]}}",
        "['relu']: write true or false, or",
    ),
    "the form of several architectures": (
        "relu: {model: {activation: relu}}",
        "relu: {model: {architecture: mlp, activation: relu}}",
        "compares lenet and mlp; write architecture: [lenet, mlp]",
    ),
    "an untrained arm beside": (
        "relu: {model: {activation: relu}}\nseeds: 6",
        "relu: {model: {activation: relu}}\n  raw: {train: {epochs: 0}}\nsecondary: [{metric: test_error, contrast: "
        "{raw: 1, relu: -1}}]\nseeds: 6",
        "secondary.0.metric: test_error: arm 'raw' is not trained, as its train: epochs is 0",
    ),
}


@pytest.mark.parametrize("mistake", TOLD)
def test_a_line_tells_what_may_stand_there(mistake: str, tmp_path: Path) -> None:
    old, new, said = TOLD[mistake]
    (line,) = mistakes(tmp_path, (old, new))
    assert said in line


def test_a_study_bears_the_name_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(STUDY.replace("study: mine", "study: yours"))
    with pytest.raises(
        UserError, match=r"mine\.yaml:1:1: study: 'yours', but the file is mine\.yaml; write study: mine"
    ):
        plan_of(tmp_path, studies="mine")


def test_a_grid_is_found_by_its_dotted_keys(tmp_path: Path) -> None:
    text = STUDY.partition("claims:")[0].replace(STUDY[STUDY.index("arms:") : STUDY.index("seeds:")], "")
    grid = text.replace("architecture: lenet", "architecture: resnet_cifar") + "grid: {model.depth: [8, 9]}\n"
    (line,) = mistakes(tmp_path, text=grid)
    assert line.startswith("mine.yaml:9:8: grid.model.depth: 9 is not one of 8, 14, 20, ...; nearest: 8 or 14")


def test_a_configuration_says_which_file_or_that_it_was_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "tier.yaml"
    file.write_text("tier: mine\nseeds: few\noverride:\n  train: {epoch: 1, epochs: -1}\n")
    with pytest.raises(UserError) as caught:
        load_config([file], ["devise=cpu"])
    assert [line.partition(";")[0] for line in caught.value.lines] == [
        "--config: devise: unknown key",
        f"{file}:2:1: seeds: 'few': write a whole number",
        f"{file}:4:11: override.train.epoch: unknown key",
        f"{file}:4:21: override.train.epochs: -1: write 0 or more",
    ]


def test_the_ledger_says_each_place(tmp_path: Path) -> None:
    file = tmp_path / "claims.yaml"
    file.write_text(
        "- {id: C1, chapter: x, statement: y, parts: {main: empirical}}\n- {id: C02, chapter: x, parts: {main: odd}}\n"
    )
    with pytest.raises(UserError) as caught:
        load_claims(file)
    assert [line.removeprefix(f"{file}:").partition(": ")[::2] for line in caught.value.lines] == [
        ("1:4", r"claims.0.id: 'C1': write what matches ^C\d\d$"),
        ("2:3", "claims.1.statement: missing; add it"),
        ("2:33", "claims.1.parts.main: 'odd': unknown; valid: empirical, exact, structural"),
    ]


def test_a_network_says_all_with_line_and_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toy.py").write_text(
        'ARCHITECTURE = {\n    "title": "Toy",\n    "paper": "none",\n'
        '    "switches": {"common": {}, "width": [1, 2]},\n'
        '    "presets": {"small": {"input": [1, "28", 10], "swiches": {}}},\n    "smallest_image": 0,\n}\n'
    )
    monkeypatch.setenv(model_registry.SEARCH_PATH, str(tmp_path))
    with pytest.raises(UserError) as caught:
        model_registry.get("toy")
    found = [line.removeprefix(f"{tmp_path}/toy.py:") for line in caught.value.lines]
    assert [line.partition(";")[0] for line in found] == [
        '4:32: ARCHITECTURE: switches.width.default: write the default alone, "width": 1, or choices too, "width": '
        '{"default": 1, "choices": [1, 2]}',
        "5:51: ARCHITECTURE: presets.small.swiches: unknown key",
        "6:5: ARCHITECTURE: smallest_image: 0: write 1 or more",
    ]


def test_of_many_names_the_nearest_come_first_and_few() -> None:
    names = [f"metric_{number}" for number in range(40)] + ["test_error"]
    told = nearest("tset_error", names, "`cnnlab list --metrics`")
    assert told.startswith("did you mean 'test_error'? valid: test_error, ")
    assert told.endswith("(35 more: `cnnlab list --metrics`)")
    assert nearest("RELU", ["relu", "tanh"]) == "did you mean 'relu'? valid: relu, tanh"
    assert nearest("zzz", ["relu", "tanh"]) == "valid: relu, tanh"
