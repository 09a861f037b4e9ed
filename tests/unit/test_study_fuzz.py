"""Whatever a hand does to a valid study or network: it is planned, or each mistake is a line that names the file."""

from __future__ import annotations

import copy
import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cnnlab.core import paths
from cnnlab.core.errors import UserError
from cnnlab.planning import model_registry
from cnnlab.planning.config import from_mapping
from cnnlab.planning.declarations import declaration
from cnnlab.planning.plan import make_plan
from tests.studies import GIVEN

ROOT = Path(__file__).parents[2]
NAMES = ("activation", "families", "identity", "features", "overfitting")
STUDIES = {name: yaml.safe_load((ROOT / paths.STUDIES / f"{name}.yaml").read_text()) for name in NAMES}
ZOO = ("lenet", "googlenet", "resnet_cifar", "skeleton", "vgg")
NETWORKS = {name: declaration(model_registry.MODELS / f"{name}.py", "ARCHITECTURE") for name in ZOO}
WEIRD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 10**6, 10**12, 10**400, -(10**30), 0.0, 1e308, 1e-320, math.nan, math.inf, -math.inf]),
    st.sampled_from(["", " ", "\0", "a/b", "../x", "C01", "é" * 300, "no", "[", "{}", "%s", "{0}", "\u202e", "1e400"]),
    st.sampled_from([[], {}, [[]], [None], {"": None}, {"a": {"b": []}}, [1, "a"], {"choices": [1]}]),
    st.text(max_size=8),
)
Path_ = tuple[Any, ...]


def places(value: Any, above: Path_ = ()) -> list[Path_]:
    """The way to everything that is written, keys and items of lists."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in items for place in ((*above, key), *places(inner, (*above, key)))]


@st.composite
def mutated(draw: st.DrawFn, valid: dict[str, Any]) -> tuple[str, Any]:
    """The name of one, and what is written there after one to three changes by hand."""
    name = draw(st.sampled_from(sorted(valid)))
    study = copy.deepcopy(valid[name])
    for _ in range(draw(st.integers(1, 3))):
        *way, key = draw(st.sampled_from(places(study)))
        owner: Any = study
        for step in way:
            owner = owner[step]
        change = draw(st.sampled_from(["delete", "replace", "misspell", "nest", "swap"]))
        if change == "delete":
            del owner[key]
        elif change == "misspell" and isinstance(owner, dict):
            owner[draw(st.one_of(st.just(f"{key}s"), st.just(str(key)[:-1]), WEIRD.filter(_is_key)))] = owner.pop(key)
        elif change == "nest":
            owner[key] = draw(st.sampled_from([[owner[key]], {"value": owner[key]}, str(owner[key])]))
        elif change == "swap":
            other: Any = study
            for step in draw(st.sampled_from(places(study))):
                other = other[step]
            owner[key] = copy.deepcopy(other)
        else:
            owner[key] = draw(WEIRD)
        if not study:
            break
    return name, study


def _is_key(value: Any) -> bool:
    return not isinstance(value, list | dict)


def check(name: str, written: Any) -> None:
    text = yaml.safe_dump(written, allow_unicode=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        plan = make_plan(from_mapping({**GIVEN, "study_paths": [folder]}))
        assert len(plan.studies) + len(plan.broken) == 1
        for study in plan.broken:
            for line in study.error.lines:
                assert line.startswith(f"{path}"), line
                assert "\n" not in line
                assert len(line) < 2000, line
            with pytest.raises(UserError) as refused:
                make_plan(from_mapping({**GIVEN, "study_paths": [folder], "studies": name}))
            assert refused.value.lines == study.error.lines


LITTLE, MUCH = 25, 1000
CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@settings(max_examples=LITTLE, deadline=None, derandomize=True, suppress_health_check=CHECKS)
@given(mutated(STUDIES))
def test_a_study_changed_by_hand_is_planned_or_its_mistakes_are_lines(study: tuple[str, Any]) -> None:
    check(*study)


@pytest.mark.long
@settings(max_examples=MUCH, deadline=None, suppress_health_check=CHECKS)
@given(mutated(STUDIES))
def test_many_studies_changed_by_hand(study: tuple[str, Any]) -> None:
    check(*study)


@pytest.mark.long
@settings(max_examples=500, deadline=None, suppress_health_check=CHECKS)
@given(mutated(NETWORKS))
def test_many_networks_changed_by_hand(network: tuple[str, Any]) -> None:
    _, literal = network
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "toy.py"
        path.write_text(f"ARCHITECTURE = {literal!r}\n", encoding="utf-8")
        patch.setenv(model_registry.SEARCH_PATH, folder)
        known, broken = model_registry.architectures(), model_registry.broken()
        assert ("toy" in known) + ("toy" in broken) == 1
        assert set(ZOO) <= set(known)
        for line in broken["toy"].lines if broken else ():
            assert line.startswith(f"{path}"), line
            assert "\n" not in line


@settings(max_examples=300, deadline=None, suppress_health_check=CHECKS)
@given(st.text(max_size=80))
@example("&a [*a]")
@example("study: &a {b: *a}")
@example("seeds: 2020-13-45")
@example("[" * 5000)
@example("{a: !!python/object:os.system x}")
@example("a: 1\n---\nb: 2")
@example("? [1, 2]\n: 3")
@example("\ufeffstudy: mine")
def test_any_text_at_all_is_one_line(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "mine.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
        (study,) = make_plan(from_mapping({**GIVEN, "study_paths": [folder]})).broken
        assert all(line.startswith(str(study.path)) and "\n" not in line for line in study.error.lines)
