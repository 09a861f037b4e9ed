"""Simulated studies whose true effect is known, and how often the verdicts on them err.

`rates` counts; the other modules draw: `seeds`, `tuned`, `images`, `grids`, `lost` and `conjunctions`.
"""
