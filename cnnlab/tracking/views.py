"""Saved views of MLflow's pages: which runs a table shows when it opens, in which columns and order.

MLflow keeps a view as a tag of the experiment and lists it under “Saved views”; an address that names its id opens it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cnnlab.planning.plan import Plan
from cnnlab.planning.studies.study import Study
from cnnlab.planning.studies.study_file import ClaimSpec
from cnnlab.tracking.addresses import claim_view
from cnnlab.tracking.contents import arm_parameters, mirrored_name, texts
from cnnlab.tracking.store import Session

PREFIX = "mlflow.sharedViewState."
ARMS, RUNS = "cnnlab-arms", "cnnlab-runs"
NAME = "attributes.`Run Name`"
PAGE = 100  # runs that a page loads at first; of a group of which some are missing it would show a wrong mean
MOST = 10  # settings in a view, which MLflow takes up to 5,000 characters of
ERRORS = ("test_error", "train_error", "validation_error")
MODEL = (
    "model.architecture",
    "model.activation",
    "model.normalization",
    "data.name",
    "train.optimizer",
    "train.epochs",
)


@dataclass(frozen=True)
class View:
    """The runs that have all of `tags`, with these columns, the smallest of the first metric first.

    Or `sorted_by` another column; and `grouped_by` a tag, with the mean of each group above its runs.
    """

    name: str
    tags: Mapping[str, str]
    metrics: tuple[str, ...]
    parameters: tuple[str, ...]
    shown_tags: tuple[str, ...] = ("studies",)
    sorted_by: str = ""
    grouped_by: str = ""

    @property
    def state(self) -> str:
        """What MLflow stores of its page."""
        columns = {"metrics": self.metrics, "params": self.parameters, "tags": self.shown_tags}
        facets = {
            "searchFilter": " and ".join(f"tags.`{name}` = '{value}'" for name, value in self.tags.items()),
            "orderByKey": self.sorted_by or f"metrics.`{self.metrics[0]}`",
            "orderByAsc": True,
        }
        chosen = [f"{kind}.`{name}`" for kind, names in columns.items() for name in names]
        grouped = {"mode": "tag", "groupByData": self.grouped_by}
        page = {
            "selectedColumns": chosen,
            "columnOrder": [NAME, "runDateAndNestInfo", *chosen],
            "columnWidths": {NAME: 340, **dict.fromkeys(chosen, 130)},
            "groupBy": {"aggregateFunction": "average", "groupByKeys": [grouped]} if self.grouped_by else None,
            "runsHiddenMode": "FIRST_20_RUNS",
        }
        return json.dumps({**facets, **page})

    def tag(self, created_ms: int) -> str:
        """The value of the experiment's tag; MLflow lists the youngest view first."""
        return json.dumps({"name": self.name, "createdAt": created_ms, "state": self.state})


GENERAL = {
    ARMS: View("Arms: means over seeds", {"kind": "arm"}, ERRORS, MODEL, sorted_by="tags.`mlflow.runName`"),
    RUNS: View("Runs: a row for each seed", {"kind": "run"}, ERRORS, ("seed", "learning_rate", *MODEL)),
}


def save(session: Session, saved: Mapping[str, View]) -> None:
    """Write the views that the experiment has not, or has otherwise; to be called under the store's lock."""
    experiment = session.client.get_experiment(session.experiment_id)
    for view_id, view in saved.items():
        rank = list(GENERAL).index(view_id) if view_id in GENERAL else len(GENERAL)
        key, value = f"{PREFIX}{view_id}", view.tag((experiment.creation_time or 0) - rank)
        if experiment.tags.get(key) != value:
            session.client.set_experiment_tag(session.experiment_id, key, value)


def saved_views(plan: Plan, arm_ids: Collection[str]) -> dict[str, View]:
    """By id: those of all arms and of all runs, and one for each claim of each study that has any of these arms."""
    found = dict(GENERAL)
    for study in plan.studies:
        if any(arm.spec.arm_id in arm_ids for arm in study.arms.values()):
            for claim in dict.fromkeys(claim.id for claim in study.claims):
                parts = [part for part in study.claims if part.id == claim]
                found[claim_view(claim, study.name)] = _of_claim(study, claim, parts)
    return found


def _of_claim(study: Study, claim: str, parts: Sequence[ClaimSpec]) -> View:
    """What its contrasts compare, before the errors; and the settings in which their arms differ."""
    contrasts = [contrast for part in parts for contrast in part.requires]
    compared = (mirrored_name(contrast.metric) for contrast in contrasts)
    names = dict.fromkeys(name for contrast in contrasts for name in contrast.contrast)
    settings = [texts(arm_parameters(study.arms[name].spec.model_dump(mode="json"))) for name in names]
    differing = [key for key in dict.fromkeys(key for each in settings for key in each) if _differ(key, settings)]
    return View(
        f"{claim}: {study.title}",
        {"kind": "run", f"claim.{claim}": "true", f"study.{study.name}": "true"},
        tuple(dict.fromkeys((*compared, *ERRORS))),
        (*differing[:MOST], "seed", "learning_rate"),
        shown_tags=(),
        grouped_by="arm" if len(names) * len(study.seeds) <= PAGE else "",
    )


def _differ(key: str, settings: Sequence[Mapping[str, str]]) -> bool:
    """Whether a setting tells the arms apart; what follows from others does not count."""
    return key != "fingerprint" and len({each.get(key) for each in settings}) > 1
