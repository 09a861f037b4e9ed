"""What the report is made of, for planning: imports nothing."""

from __future__ import annotations

# Of each study, in the order in which the report shows them; a function of the same name in `cnnlab.figures` draws it.
FIGURES = ("curves", "differences", "errors")
