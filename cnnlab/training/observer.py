"""Who is told what a training loop does: diagnostics, a live mirror, a clock. They read, and change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnlab.training.curves import Curves


class Observer:
    """Called by the loop, in this order; a subclass overrides what it wants to know."""

    def start(self) -> None:
        """Before the first step; not where a run goes on from a checkpoint."""

    def wants(self, step: int) -> bool:
        """Whether it is told of the middle of `step` (0-based); no step is captured in a CUDA graph that anyone wants.

        All of them where a subclass has `before_update` or `after_update`, unless it says which.
        """
        own = type(self)
        return own.before_update is not Observer.before_update or own.after_update is not Observer.after_update

    def before_update(self, step: int) -> None:
        """Gradients of `step` (0-based) are there, weights not yet changed."""

    def after_update(self, step: int) -> None:
        """Weights are changed, the gradients of `step` (0-based) are still there."""

    def evaluated(self, curves: Curves) -> None:
        """After an evaluation, whose values are the last ones of `curves`."""
