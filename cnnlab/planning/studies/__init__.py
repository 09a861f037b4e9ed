"""A study file in, a study out: its arms complete, its claims and contrasts checked."""
