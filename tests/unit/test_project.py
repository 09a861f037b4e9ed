"""Files of the project that must agree with each other."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import jsonschema
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import cnnlab
from cnnlab import editor, paths
from cnnlab.study import load_claims
from cnnlab.yamlfile import read_yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins(requirements: list[str]) -> dict[str, str]:
    """Canonical name → the one version that is allowed."""
    parsed = [Requirement(text) for text in requirements]
    found = {}
    for requirement in parsed:
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", requirement
        found[canonicalize_name(requirement.name)] = specifier.version
    return found


def test_environment_project_and_lock_agree() -> None:
    direct = pins(PROJECT["dependencies"])
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (by_pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert pins(by_pip) == direct
    locked = dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)", lock(), flags=re.M))
    everything = {**direct, **pins(PROJECT["optional-dependencies"]["dev"])}
    assert {name: locked.get(name) for name in everything} == everything


def test_the_lock_has_hashes_and_names_no_host() -> None:
    assert "://" not in lock()
    assert "file:" not in lock()
    packages = re.findall(r"^[a-z0-9][a-z0-9._-]*==.*$", lock(), flags=re.M)
    assert len(packages) > 100
    assert all(line.endswith("\\") for line in packages)


def lock() -> str:
    return (ROOT / "requirements.lock").read_text()


def test_every_rule_names_the_environment() -> None:
    for rules in (ROOT / "workflow/rules").glob("*.smk"):
        text = rules.read_text()
        assert text.count("\nrule ") == text.count('"../../environment.yml"'), rules


def test_the_changelog_has_the_version() -> None:
    assert f"## {cnnlab.__version__}\n" in (ROOT / "CHANGELOG.md").read_text()


def test_the_registry_has_all_49_claims() -> None:
    claims = load_claims(ROOT / paths.CLAIMS)
    assert sorted(claim.id for claim in claims.claims) == [f"C{number:02d}" for number in range(1, 50)]
    both = {claim.id for claim in claims.claims if len(claim.parts) == 2}
    assert both == {"C07", "C14", "C34", "C41"}
    assert claims.empirical_parts == sum("empirical" in claim.parts.values() for claim in claims.claims)


def test_schemas_are_those_of_the_code() -> None:
    for path, text in editor.schemas().items():
        assert (ROOT / path).read_text() == text, f"{path} is out of date: cnnlab schema"


def test_every_study_and_configuration_passes_its_schema() -> None:
    for kind, folder in (("study", paths.STUDIES), ("config", paths.CONFIGS)):
        schema = yaml.safe_load((ROOT / paths.SCHEMAS / f"{kind}.schema.json").read_text())
        if kind == "config":  # a tier gives only what differs from default.yaml
            schema.pop("required")
        for file in sorted((ROOT / folder).glob("*.yaml")):
            jsonschema.validate(read_yaml(file), schema)


def test_git_keeps_machine_output_out() -> None:
    ignored = ["results/runs/x/spec.json", "results/tables/runs.csv", "reports/summary.html", "data/MNIST/x", ".venv/x"]
    kept = ["results/README.md", "reports/README.md", "workflow/studies/mine.yaml"]
    checked = subprocess.run(
        ["git", "check-ignore", "--no-index", *ignored, *kept], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.stdout.split() == ignored


def test_no_file_names_a_path_of_one_machine() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    machine = re.compile("|".join(("/wor" + "k/", "/roo" + "t/", "/hom" + "e/[a-z]")))
    for name in listed:
        path = ROOT / name
        if path.suffix in {".png", ".ico"} or not path.is_file():
            continue
        assert not machine.search(path.read_text(encoding="utf-8")), name
