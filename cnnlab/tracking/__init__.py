"""MLflow as a mirror of the records, never their source: what goes wrong here costs one warning line and nothing else.

Importing this package imports neither mlflow nor pandas; the functions do, when they are called.
"""

from __future__ import annotations

from cnnlab.planning.plan import ArmMembership, memberships
from cnnlab.tracking.live import LiveMirror
from cnnlab.tracking.mirror import attach, track, track_records
from cnnlab.tracking.ui import serve_ui
from cnnlab.tracking.views import saved_views

__all__ = ["ArmMembership", "LiveMirror", "attach", "memberships", "saved_views", "serve_ui", "track", "track_records"]
