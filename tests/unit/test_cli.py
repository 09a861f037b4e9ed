"""The command line: what it prints, and that a mistake is one line on stderr with exit status 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cnnlab.cli.main import main
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.specs import DataSpec, TrainSpec, TuneSpec


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def elsewhere(tmp_path: Path) -> tuple[str, ...]:
    """Options for a tier without any output."""
    return ("--config", f"results={tmp_path}/results", "--config", f"reports={tmp_path}/reports")


def test_every_command_has_help() -> None:
    for name in main.commands:
        result = call(name, "--help")
        assert result.exit_code == 0
        assert len(result.output.splitlines()) > 3


def test_list_names_studies_and_networks_in_a_line_each() -> None:
    lines = call("list").output.splitlines()
    starts = [line.partition("  [")[0] for line in lines]
    assert starts.index("Studies") < starts.index("activation: Sigmoid or ReLU") < starts.index("Networks")
    assert any(line.startswith("pooling: ") and "C07 (gradients)" in line for line in lines)
    assert starts.index("Networks") < starts.index("lenet: LeNet-5")
    assert len(lines) < 50


def test_list_of_a_word_shows_what_bears_it_whole() -> None:
    output = call("list", "LeNet-5").output
    assert "sigmoid, scaled_sigmoid, tanh, relu" in output
    assert "vgg: " not in output
    arms = call("list", "C07").output
    assert "lenet-small-" in arms
    assert "activation: " not in arms
    assert call("list", "slope", "--metrics").output.count("\n") < 12
    assert call("list", "epsilon", "--settings").output.split()[:2] == ["train:", "epsilon"]
    assert "is in no study and no network; did you mean 'pooling'?" in call("list", "poolign").stderr


def test_list_cost_sums_up() -> None:
    output = call("list", "--cost", "--config", "studies=activation").output
    assert "shared" not in output
    assert "3 arms, about" in output


def test_list_metrics_names_every_metric_with_its_unit() -> None:
    lines = call("list", "--metrics").output.splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(METRICS)
    assert all(METRICS[line.split()[0]].unit in line for line in lines)


def test_list_settings_names_every_key_of_a_study_with_its_meaning() -> None:
    lines = [line.split() for line in call("list", "--settings").output.splitlines() if line.startswith("  ")]
    keys = {*DataSpec.model_fields, *TrainSpec.model_fields, *(f"tune.{name}" for name in TuneSpec.model_fields)}
    assert {words[0] for words in lines} == keys - {"tested", "tune"}
    assert min(map(len, lines)) > 4
    assert ["batch_size", "integer", "≥", "1", "64"] in [words[:5] for words in lines]
    assert ["tune.rates", "list", "of", "number", ">", "0", "[0.01,"] in [words[:7] for words in lines]


def test_show_says_what_was_found_or_how_to_find_it(elsewhere: tuple[str, ...], tmp_path: Path) -> None:
    command = "snakemake --cores 4 --resources gpu=1 --config studies=pooling"
    for name in ("C07", "pooling"):
        assert f"not run yet: {command}" in call("show", name, *elsewhere).output
    assert "not run yet" not in call("show", "C12", *elsewhere).output  # which needs no run
    table = tmp_path / "results/tables/claims.csv"
    table.parent.mkdir(parents=True)
    columns, row = "id,part,kind,study,verdict,unit,effect,low,high,n,reason", "supported,log2 ratio,1.5,1.2,1.8,8,"
    table.write_text(f"{columns}\nC07,gradients,empirical,pooling,{row}\nC06,main,empirical,activation,{row}\n")
    for name in ("C07", "pooling"):
        output = call("show", name, *elsewhere).output
        assert "C07 gradients  supported     1.5 (1.2 to 1.8) log₂ ratio, n = 8" in output
        assert "not run yet" not in output
        assert "C06" not in output


def test_a_new_study_and_a_new_network_are_valid_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies = ("--config", f'study_paths=["{tmp_path}"]')
    for name in ("a-study", "another"):
        assert f"--config studies={name}" in call("new", "study", name, *studies).output
    shown = call("show", "a-study", *studies).output
    assert "a-study-helps holds if" in shown
    assert "> 0.5 pp" in shown
    monkeypatch.setenv("CNNLAB_MODEL_PATH", str(tmp_path))
    assert "cnnlab show my_network" in call("new", "model", "my_network").output
    assert "parameters" in call("show", "my_network").output
    monkeypatch.delenv("CNNLAB_MODEL_PATH")
    with monkeypatch.context() as moved:
        moved.chdir(tmp_path)
        assert "CNNLAB_MODEL_PATH" in call("new", "model", "elsewhere").stderr
    monkeypatch.setenv("CNNLAB_MODEL_PATH", str(tmp_path))
    text = (tmp_path / "another.yaml").read_text()
    (tmp_path / "another.yaml").write_text(text.replace("lenet", "my_network"))
    assert "my_network-small" in call("show", "another", *studies).output
    for mistake in (("study", "another"), ("study", "Mine"), ("model", "my_network"), ("model", "my-network")):
        result = call("new", *mistake, *(studies if mistake[0] == "study" else ()))
        assert result.exit_code == 2
        assert result.stderr.startswith(f"error: new {mistake[0]}: {mistake[1]}: ")


def test_list_columns_documents_every_table() -> None:
    output = call("list", "--columns").output
    assert "measured/runs" in output
    assert "hash of arm, data, learning rate and seed" in output


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lenet", "61,706 parameters"),
        ("activation", "C06 holds if"),
        ("C26", "Batch normalization speeds up convergence"),
    ],
)
def test_show(name: str, said: str) -> None:
    assert said in call("show", name).output


MISTAKES = {
    ("show", "lennet"): "did you mean 'lenet'?",
    ("show", "lenet", "--preset", "big"): "valid: d2l, paper, small",
    ("list", "--config", "studies"): "not of the form key=value",
    ("list", "--config", "studdies=core"): "did you mean 'studies'?",
    ("list", "--config", "studies=activatoin"): "did you mean 'activation'?",
    ("list", "--configfile", "missing.yaml"): "missing.yaml: no such file",
    ("list", "--config", "study_paths=[\"nowhere\"]"): "nowhere: no such folder",
    ("train", "lenet-small-0"): "no study asks for this arm",
    ("train", "lenet-small-0", "--config", "device=tpu"): "device",
    ("prepare", "mnist5k-0"): "no study asks for this data",
    ("clean",): "cnnlab clean --unused",
}  # fmt: skip


@pytest.mark.parametrize("arguments", MISTAKES, ids=" ".join)
def test_a_mistake_is_one_line(arguments: tuple[str, ...]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    assert MISTAKES[arguments] in result.stderr


def test_without_runs_there_is_nothing_to_verify_or_list(elsewhere: tuple[str, ...]) -> None:
    assert "no finished run" in call("verify", "abc", *elsewhere).stderr
    assert "no finished run yet; run snakemake first" in call("list", "--runs", *elsewhere).stderr


def test_doctor_says_what_there_is(elsewhere: tuple[str, ...]) -> None:
    result = call("doctor", *elsewhere)
    assert "Python 3." in result.output
    assert "data mnist5k-" in result.output
    assert result.exit_code == 0, result.output


def test_doctor_says_what_is_missing(elsewhere: tuple[str, ...], tmp_path: Path) -> None:
    study = tmp_path / "studies/mine.yaml"
    study.parent.mkdir()
    study.write_text(
        "study: mine\ntitle: t\nquestion: q\nseeds: 1\nbase: {model: {architecture: lenet}, train: {epochs: 1},"
        f" data: {{name: folder, root: {tmp_path}/nowhere}}}}\narms: {{only: {{}}}}\n"
    )
    result = call("doctor", *elsewhere, "--config", f'study_paths=["{study.parent}"]')
    assert result.exit_code == 1
    assert "MISSING" in result.output
    assert "nowhere" in result.output
