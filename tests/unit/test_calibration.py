"""The verdicts err as often as they may, by simulation, for every design that a study file can state.

Each scenario draws thousands of studies whose true effect is known: 0, or exactly at the margin on either
side. The effects go through `cnnlab.analysis.intervals`, the same functions that make the report. False *supported* or
*contradicted* may come to 2.5 %, false *equivalent* to 5 %; the 95 % interval must cover the truth in 95 %,
each within four Monte-Carlo standard errors. ``pytest -s tests/unit/test_calibration.py`` prints the rates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from cnnlab.analysis import decisions
from cnnlab.analysis.decisions import Hypothesis
from tests.calibration import conjunctions, failing, grids, images, lost, seeds, skewed, tuned
from tests.calibration.rates import Scenario, rates, table

MODULES = {
    "seeds": seeds,
    "skewed seeds": skewed,
    "tuned rates": tuned,
    "images": images,
    "grids": grids,
    "lost runs": lost,
    "runs that fail": failing,
}


@pytest.mark.slow
@pytest.mark.parametrize("scenarios", [module.scenarios for module in MODULES.values()], ids=list(MODULES))
def test_rates_of_error_and_coverage_are_as_promised(scenarios: Callable[[], Iterator[Scenario]]) -> None:
    found = list(rates(scenarios()))
    print("", table(found), sep="\n")
    assert not [str(rate) for rate in found if rate.failed]


def test_conjunctions_err_no_more_often_than_a_single_contrast() -> None:
    found = list(conjunctions.rates())
    print("", table(found), sep="\n")
    assert not [str(rate) for rate in found if rate.failed]


def test_the_simulation_has_the_power_to_decide() -> None:
    """Rates of error of verdicts that are never given would prove nothing."""
    for scenario in (*seeds.scenarios(), *images.scenarios()):
        if scenario.n == 10 and "ceiling" not in scenario.name:
            for truth, word in ((0, "equivalent"), (3, "supported"), (-3, "contradicted")):
                if word != "contradicted" or "images" not in scenario.name:  # an error cannot fall below 0
                    claim = Hypothesis(scenario.effects(truth), "greater", scenario.margin)
                    assert (decisions.verdict(claim) == word).mean() > 0.5, (scenario.name, word)


@pytest.mark.parametrize("n", [6, 8, 10])
def test_lost_runs_can_be_decided_on_from_six_seeds(n: int) -> None:
    """Where nothing is known of a run, and where runs diverge alike in both arms, only from eight seeds or ten."""
    for scenario in lost.scenarios():
        if scenario.n == n and "one arm diverges" in scenario.name:
            claim = Hypothesis(scenario.effects(3), "greater", scenario.margin)
            assert (decisions.verdict(claim) == "supported").mean() > 0.5, scenario.name


def test_five_seeds_do_not_decide_where_a_run_could_be_lost() -> None:
    for scenario in lost.scenarios():
        if scenario.n == 5:
            assert (
                decisions.verdict(Hypothesis(scenario.effects(1), "greater", scenario.margin)) == "inconclusive"
            ).all()
