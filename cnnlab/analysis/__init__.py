"""Records in; tables, effects, intervals and verdicts out, and the claims that are computed from networks alone."""
