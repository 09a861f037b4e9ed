"""Files of the project that must agree with each other."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from importlib.metadata import packages_distributions
from pathlib import Path

import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import cnnlab
from cnnlab.cli.project import COMMON, STUDIES
from cnnlab.core import paths
from cnnlab.core.strict_yaml import read_yaml
from cnnlab.planning import json_schema
from cnnlab.planning.studies.claims import load_claims

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()


def pins(requirements: list[str]) -> dict[str, str]:
    """Canonical name → the one version that is allowed."""
    found = {}
    for requirement in map(Requirement, requirements):
        if requirement.name == "cnnlab":  # with an extra of its own
            continue
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", requirement
        found[canonicalize_name(requirement.name)] = specifier.version
    return found


EXTRAS = PROJECT["optional-dependencies"]
DIRECT = pins(PROJECT["dependencies"] + EXTRAS["run"])
DEVELOPMENT = pins(EXTRAS["dev"])


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout


def imported(folder: str) -> set[str]:
    """Distributions that the code in `folder` imports, apart from the standard library and ourselves."""
    names = set()
    files = list((ROOT / folder).rglob("*.py"))
    ours = {"cnnlab", "tests"} | {path.stem for path in files}
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(), filename=str(path))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)
    modules = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - ours
    owners = packages_distributions()
    return {min(map(canonicalize_name, owners.get(module, [module])), key=len) for module in modules}


def test_environment_project_and_lock_agree() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (by_pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert pins(by_pip) == DIRECT
    locked = dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)", LOCK, flags=re.M))
    everything = {**DIRECT, **DEVELOPMENT}
    assert {name: locked.get(name) for name in everything} == everything


def test_the_lock_has_hashes_and_names_no_host() -> None:
    assert "://" not in LOCK
    assert "file:" not in LOCK
    assert "index" not in LOCK
    packages = re.findall(r"^[a-z0-9][a-z0-9._-]*==.*$", LOCK, flags=re.M)
    assert len(packages) > 100
    assert all(line.endswith("\\") for line in packages)


@pytest.mark.parametrize("folder", ["cnnlab", "benchmarks", "tests"])
def test_what_is_imported_is_declared(folder: str) -> None:
    allowed = DIRECT | DEVELOPMENT if folder == "tests" else DIRECT
    undeclared = imported(folder) - set(allowed)
    assert not undeclared, f"add to pyproject.toml and environment.yml, then `make lock`: {sorted(undeclared)}"


def test_the_package_holds_our_project() -> None:
    """All that the rules, and `cnnlab init`, take from `paths.OURS`."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    held = wheel["force-include"]
    assert held == {name: f"cnnlab/project/{name}" for name in held}
    used = {*COMMON, *STUDIES, "Snakefile", "environment.yml", str(paths.LOCK), "benchmarks"}
    assert {Path(name).parts[0] for name in used} == set(held)
    assert all((ROOT / name).exists() for name in held)


def test_every_rule_names_the_environment() -> None:
    for rules in (ROOT / "workflow/rules").glob("*.smk"):
        text = rules.read_text()
        assert len(re.findall(r"^ *rule\b.*:$", text, flags=re.M)) == text.count('"../../environment.yml"'), rules


def test_the_changelog_has_the_version() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.M)
    assert headings[0] == "Unreleased"
    assert cnnlab.__version__ in [heading.split()[0] for heading in headings]


def test_the_registry_has_all_50_claims_once() -> None:
    registry = load_claims(ROOT / paths.CLAIMS)
    assert sorted(claim.id for claim in registry.claims) == [f"C{number:02d}" for number in range(1, 51)]
    several = {claim.id: set(claim.parts.values()) for claim in registry.claims if len(claim.parts) != 1}
    assert {key for key, kinds in several.items() if len(kinds) > 1} == {"C07", "C14", "C34", "C41"}
    assert {key for key, kinds in several.items() if "empirical" not in kinds} == {"C12", "C18"}
    assert {name for claim in registry.claims if len(claim.parts) == 1 for name in claim.parts} == {"main"}


def test_the_number_of_empirical_parts_is_frozen() -> None:
    registry = load_claims(ROOT / paths.CLAIMS)
    kinds = Counter(kind for claim in registry.claims for kind in claim.parts.values())
    assert registry.empirical_parts == kinds["empirical"] == 57
    assert "frozen at 57" in (ROOT / paths.CLAIMS).read_text()


def test_schemas_are_those_of_the_code() -> None:
    for path, text in json_schema.schemas().items():
        assert (ROOT / path).read_text() == text, f"{path} is out of date: cnnlab schema"


def test_every_study_and_configuration_passes_its_schema() -> None:
    for kind, folder in (("study", paths.STUDIES), ("config", paths.CONFIGS)):
        schema = yaml.safe_load((ROOT / paths.SCHEMAS / f"{kind}.schema.json").read_text())
        if kind == "config":  # a tier gives only what differs from default.yaml
            schema.pop("required")
        for file in sorted((ROOT / folder).glob("*.yaml")):
            jsonschema.validate(read_yaml(file), schema)


def test_git_keeps_machine_output_out() -> None:
    ignored = [
        "results/runs/x/spec.json",
        "results/tables/runs.csv",
        "results/mlflow/mlflow.db",
        "reports/summary.html",
        "reports/smoke/summary.html",
        "data/MNIST/x",
        ".venv/x",
    ]
    kept = ["results/README.md", "reports/README.md", "cnnlab/data/dataset.py", "workflow/studies/mine.yaml"]
    assert git("check-ignore", "--no-index", *ignored, *kept).split() == ignored


def test_no_file_names_a_path_of_one_machine() -> None:
    listed = git("ls-files", "-z").split("\0")[:-1]
    assert "pyproject.toml" in listed
    machine = re.compile(b"|".join((b"/wor" + b"k/", b"/roo" + b"t/", b"/hom" + b"e/[a-z]")))  # not to match itself
    files = {name: (ROOT / name).read_bytes() for name in listed if (ROOT / name).is_file()}
    assert [name for name, data in files.items() if b"\0" not in data and machine.search(data)] == []
