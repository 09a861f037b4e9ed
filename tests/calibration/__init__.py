"""Simulated studies whose true effect is known, and how often the verdicts on them err.

`rates` counts; the other modules draw: `seeds`, `skewed`, `tuned`, `images`, `grids`, `lost`, `failing` and
`conjunctions`. The tables of docs/statistics.md are those of `failing`, `skewed` and `tuned`.
"""
