"""What a claim may say of an effect, and what may come of it: the words of study files, tables and page."""

from __future__ import annotations

from enum import StrEnum


class Direction(StrEnum):
    """What is claimed of an effect, m being the margin (> 0, in the metric's unit)."""

    GREATER = "greater"  # effect > m
    LESS = "less"  # effect < -m
    EQUAL = "equal"  # |effect| < m
    NOT_GREATER = "not-greater"  # effect < m
    NOT_LESS = "not-less"  # effect > -m


class Verdict(StrEnum):
    """What a row of ``claims`` or ``contrasts`` says; in the order in which verdicts are counted and listed."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    EQUIVALENT = "equivalent"
    INCONCLUSIVE = "inconclusive"
    NO_ROOM = "no room"  # too little for the margin between the baseline and the end of the scale
    MIXED = "mixed"  # of a claim: some of its parts hold, and others do not
    HOLDS = "holds"  # of claims that are computed
    FAILS = "fails"
    RUNNING = "running"
    NOT_TESTED = "not tested"


DIRECTED = (Direction.GREATER, Direction.LESS)  # claims that there is an effect: it may be too small to count
REFUTED = (Verdict.CONTRADICTED, Verdict.EQUIVALENT)
FOR = (Verdict.SUPPORTED, Verdict.HOLDS)
AGAINST = (*REFUTED, Verdict.FAILS)
WHOLE = "whole"  # part and kind of the row of a claim above those of its parts
COMPUTED = (Verdict.HOLDS, Verdict.FAILS)
UNDECIDED = (Verdict.RUNNING, Verdict.NOT_TESTED)  # there is no verdict yet
