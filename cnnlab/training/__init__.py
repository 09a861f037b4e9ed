"""An arm and its images in, records out: tuning, the training loop, evaluation, diagnostics, and what they cost."""
