"""Whether the branches of an Inception block see different things: `branch_similarity_gap`.

Linear CKA, on test images: of the same branch in two networks that differ in their seed, minus that of different
branches of one network; means over branches and blocks, without a branch that is the same for all images. The second
network is trained here, with a seed that no study may use.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import combinations

from cnnlab.models.layers.inception import InceptionBlock
from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings, Run, points
from cnnlab.training.diagnostics.cka import cka, outputs

DIAGNOSTIC = {
    "metrics": {
        "branch_similarity_gap": {
            "title": "similarity of a branch to itself across seeds minus to the others",
            "unit": "of 1",
            "signed": True,
        }
    },
    "profiles": {
        "similarity": {
            "title": "similarity (linear CKA)",
            "axis": "Inception block",
            "kind": "blocks",
            "quantities": {
                "similarity_across_seeds": "same branch, another seed",
                "similarity_between_branches": "different branches",
            },
        }
    },
    "cost_share": 1.1,  # a second network is trained
}
IMAGES, TWIN_SEED = 300, 20_000


class Diagnostic(diagnostics.Diagnostic):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.blocks = {
            name: [branch for branch, _ in module.named_children()]
            for name, module in run.model.named_modules()
            if isinstance(module, InceptionBlock)
        }
        several = any(len(branches) > 1 for branches in self.blocks.values())
        self.require(several, "Inception blocks of several branches")

    def finish(self) -> Findings:
        from cnnlab.training import loop

        run = self.run
        epochs = run.total_steps // run.steps_per_epoch
        twin = loop.train(run.arm, run.data, TWIN_SEED + run.seed, run.learning_rate, epochs).model
        images = diagnostics.some_images(run.data.test, IMAGES)
        names = [f"{block}.{branch}" for block, branches in self.blocks.items() for branch in branches]
        own, other = (
            outputs(model, {name: model.get_submodule(name) for name in names}, images) for model in (run.model, twin)
        )
        across = {name: cka(own[name], other[name]) for name in names}
        within = {
            f"{block}: {one} and {two}": cka(own[f"{block}.{one}"], own[f"{block}.{two}"])
            for block, branches in self.blocks.items()
            for one, two in combinations(branches, 2)
        }
        gap = _mean(across.values()) - _mean(within.values())
        profile = points("similarity_across_seeds", across) + points("similarity_between_branches", within)
        return Findings({"branch_similarity_gap": gap}, profile=profile)


def _mean(similarities: Iterable[float]) -> float:
    """The mean of the similarities that are not NaN; NaN without any."""
    defined = [value for value in similarities if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan
