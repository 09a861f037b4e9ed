"""No study becomes evidence for a claim of the ledger by its number alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnlab.core import paths
from cnnlab.core.errors import UserError
from cnnlab.core.strict_yaml import read_yaml
from cnnlab.planning.studies.claims import load_claims
from tests.studies import plan_of
from tests.unit.test_study import STUDY

ROOT = Path(__file__).parents[2]
SILENT = STUDY.replace("    ledger: true\n", "")


def test_the_ledger_lists_the_studies_that_test_each_claim() -> None:
    listed = {(claim.id, name) for claim in load_claims(ROOT / paths.CLAIMS).claims for name in claim.studies}
    tests = {
        (claim["id"], path.stem)
        for path in (ROOT / paths.STUDIES).glob("*.yaml")
        for claim in read_yaml(path).get("claims", ())
    }
    assert listed == tests
    assert "ledger:" not in "".join(path.read_text() for path in (ROOT / paths.STUDIES).glob("*.yaml"))


def test_another_study_is_refused_with_the_sentence_and_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        plan_of(tmp_path, SILENT)
    (line,) = caught.value.lines
    assert ":13:5: claims.0.id: C06 is the ledger's “ReLU passes larger gradients than sigmoid”; " in line
    assert "another name, as mine-helps, or write ledger: true beside it" in line


def test_on_purpose_it_counts(tmp_path: Path) -> None:
    (claim,) = plan_of(tmp_path, STUDY).studies[0].claims
    assert (claim.id, claim.ledger) == ("C06", True)


def test_the_key_is_for_claims_of_the_ledger_alone(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"claims\.0\.ledger: 'my-claim' is no claim of workflow/claims\.yaml; remove"):
        plan_of(tmp_path, STUDY.replace("C06", "my-claim"))


def test_a_study_of_a_listed_name_needs_no_key(tmp_path: Path) -> None:
    assert plan_of(tmp_path, SILENT.replace("study: mine", "study: activation")).studies
