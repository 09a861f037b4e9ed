"""Device and precision of a plan, with an `nvidia-smi` that the test writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cnnlab.cli.main import main
from cnnlab.cli.workflow import Rules
from cnnlab.core.errors import UserError
from cnnlab.core.strict_yaml import read_yaml
from cnnlab.planning import config as configuration
from cnnlab.planning import device
from cnnlab.planning.config import load_config
from cnnlab.planning.plan import make_plan
from tests.fakes import Cards

A100, H100, T4 = "NVIDIA A100-SXM4-80GB", "NVIDIA H100 80GB HBM3", "Tesla T4"
A, B, C = "GPU-aaaaaaaa-1", "GPU-aabbbbbb-2", "GPU-cccccccc-3"


@pytest.mark.parametrize(
    ("rows", "resolved"),
    [
        ([], ("cpu", "float32")),
        ([(A, A100, "81920", "8.0")], ("cuda", "bf16")),
        ([(A, H100, "81559", "9.0"), (B, "NVIDIA GB200", "189471", "10.0")], ("cuda", "bf16")),
        ([(A, T4, "15360", "7.5")], ("cuda", "float32")),
        ([(A, A100, "81920", "8.0"), (B, T4, "15360", "7.5")], ("cuda", "float32")),
        ([(A, A100, "81920", "8.0"), (B, "an old card", "[N/A]", "[N/A]")], ("cuda", "float32")),
    ],
)
def test_auto_is_bf16_where_the_oldest_card_has_it(
    cards: Cards, rows: list[tuple[str, ...]], resolved: tuple[str, str]
) -> None:
    if rows:
        cards.put_in(rows)
    assert device.resolve("auto", "auto") == resolved


def test_what_is_stated_is_taken_at_its_word_and_asks_nothing(cards: Cards) -> None:
    cards.put_in([(A, T4, "15360", "7.5")])
    assert device.resolve("cuda", "bf16") == ("cuda", "bf16")
    assert device.resolve("cuda", "float32") == ("cuda", "float32")
    assert device.resolve("cpu", "auto") == ("cpu", "float32")
    assert cards.calls == 0
    assert device.resolve("auto", "bf16") == ("cuda", "bf16")
    assert cards.calls == 1


def test_bf16_on_a_cpu_is_one_line(cards: Cards) -> None:
    for asked in ("auto", "cpu"):
        with pytest.raises(UserError, match="precision: bf16 is for a GPU, and training is on the CPU; write auto or"):
            device.resolve(asked, "bf16")


def test_a_login_node_must_state_the_precision(cards: Cards) -> None:
    with pytest.raises(UserError, match="nvidia-smi shows none here; state --config precision=bf16"):
        device.resolve("cuda", "auto")


def test_an_old_driver_does_not_know_the_capability(cards: Cards) -> None:
    cards.put_in([(A, "Tesla V100", "16160")])
    assert device.gpus() == (device.Gpu(A, "Tesla V100", 16160, None),)
    assert device.resolve("auto", "auto") == ("cuda", "float32")
    precision, why = device.usual_precision(device.gpus())
    assert (precision, why) == ("float32", "the driver does not tell the compute capability of Tesla V100")


FAILURES = {
    "NVIDIA-SMI has failed because it could not communicate": "echo NVIDIA-SMI has failed because it could not "
    "communicate; exit 9",
    "does not answer within 1 s": "exec sleep 20",
    "nvidia-smi answers 'nothing that one knows'": "echo nothing that one knows",
}


@pytest.mark.parametrize("said", FAILURES)
def test_an_nvidia_smi_that_fails_is_one_warning(
    said: str, cards: Cards, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(device, "PLANNING_SECONDS", 1.0)
    cards.answer(FAILURES[said])
    for _ in range(2):
        assert device.resolve("auto", "auto") == ("cpu", "float32")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("warning: device: nvidia-smi ")
    assert said in lines[0]
    with pytest.raises(UserError, match="nvidia-smi"):
        device.visible(1.0)


def test_a_driver_without_a_card_is_no_failure(cards: Cards, capsys: pytest.CaptureFixture[str]) -> None:
    cards.answer("echo No devices were found; exit 6")
    assert device.resolve("auto", "auto") == ("cpu", "float32")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("stated", "left"),
    [
        (None, [A, B, C]),
        ("", []),
        ("1", [B]),
        ("2, 0", [C, A]),
        ("0,-1,1", [A]),
        ("0,7,1", [A]),
        ("0,0", [A]),
        (C, [C]),
        ("GPU-aab,GPU-c", [B, C]),
        ("GPU-none,0", []),
        ("MIG-12,1", ["MIG-12", B]),
    ],
)
def test_cuda_visible_devices_is_honoured(
    stated: str | None, left: list[str], cards: Cards, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards.put_in([(A, A100, "81920", "8.0"), (B, T4, "15360", "7.5"), (C, H100, "81559", "9.0")])
    if stated is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", stated)
    assert [gpu.uuid for gpu in device.visible(30)] == left


def test_only_visible_cards_decide(cards: Cards, monkeypatch: pytest.MonkeyPatch) -> None:
    cards.put_in([(A, A100, "81920", "8.0"), (B, T4, "15360", "7.5")])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert device.resolve("auto", "auto") == ("cuda", "bf16")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-of-either")
    device.gpus.cache_clear()
    assert device.resolve("auto", "auto") == ("cuda", "float32")


DEFAULTS = read_yaml(configuration.DEFAULT)


def told(rules: Rules) -> list[str]:
    """The pairs that a rule gives its step with ``--config``."""
    words = rules.flags().split()
    return [word for word in words if "=" in word]


def test_jobs_use_what_planning_found_out(cards: Cards, monkeypatch: pytest.MonkeyPatch) -> None:
    cards.put_in([(A, A100, "81920", "8.0")])
    first, again = Rules(DEFAULTS, []), Rules(DEFAULTS, [])
    assert {"device=cuda", "precision=bf16"} <= set(told(first))
    assert first.flags() == again.flags()
    assert first.gpu == 1
    assert {(arm.device, arm.precision) for arm in first.plan.arms().values()} == {("cuda", "bf16")}
    asked = cards.calls
    cards.answer("exec sleep 60")
    device.gpus.cache_clear()
    job = make_plan(load_config(pairs=told(first)))
    assert job.arms().keys() == first.plan.arms().keys()
    assert cards.calls == asked


def test_jobs_on_a_cpu_look_for_no_gpu(cards: Cards) -> None:
    rules = Rules(DEFAULTS, [])
    assert {"device=cpu", "precision=float32"} <= set(told(rules))
    cards.put_in([(A, A100, "81920", "8.0")])
    device.gpus.cache_clear()
    job = make_plan(load_config(pairs=told(rules)))
    assert job.arms().keys() == rules.plan.arms().keys()
    assert cards.calls == 0


def test_what_a_tier_states_is_not_said_twice(cards: Cards, tmp_path: Path) -> None:
    tier = tmp_path / "tier.yaml"
    tier.write_text("device: cpu\nprecision: float32\n")
    rules = Rules({**DEFAULTS, "device": "cpu", "precision": "float32"}, [tier])
    assert told(rules) == ["studies=all"]


def test_precision_is_part_of_the_arm(cards: Cards) -> None:
    plans = [make_plan(load_config(pairs=("device=cuda", f"precision={name}"))) for name in ("bf16", "float32")]
    assert not plans[0].arms().keys() & plans[1].arms().keys()


def doctor(*pairs: str) -> list[str]:
    options = [option for pair in pairs for option in ("--config", pair)]
    return CliRunner().invoke(main, ["doctor", *options]).output.splitlines()


def test_doctor_says_which_device_and_precision(cards: Cards) -> None:
    lines = doctor()
    assert any(line.startswith("ok       device cpu (no NVIDIA GPU): ") for line in lines)
    assert "ok       precision float32: bf16 is for GPUs" in lines
    cards.put_in([(A, A100, "81920", "8.0"), (B, T4, "15360", "7.5")])
    device.gpus.cache_clear()
    lines = doctor()
    assert f"ok       device cuda: {A100}, compute capability 8.0, 80.0 GiB" in lines
    assert f"ok       device cuda: {T4}, compute capability 7.5, 15.0 GiB" in lines
    assert f"ok       precision float32: {T4} has compute capability 7.5, and bf16 is for 8.0 or later" in lines
    assert "ok       precision bf16: stated" in doctor("precision=bf16")
    left_alone = "ok       device cpu (left alone by --config device=cpu): "
    assert any(line.startswith(left_alone) for line in doctor("device=cpu"))


def test_doctor_says_where_torch_cannot_use_what_nvidia_smi_lists(
    cards: Cards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    cards.put_in([(A, A100, "81920", "8.0")])
    assert any(line.startswith("MISSING  a GPU is listed by nvidia-smi, but torch cannot") for line in doctor())
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert not any(line.startswith("MISSING") for line in doctor())


def test_doctor_looks_at_the_device_beside_a_mistake_in_the_configuration(cards: Cards) -> None:
    lines = doctor("precision=bf16")
    assert any(line.startswith("MISSING  precision: bf16 is for a GPU") for line in lines)
    assert any(line.startswith("ok       device cpu") for line in lines)
