"""Styles that drawings share become classes, and mean the same."""

from __future__ import annotations

import re

from cnnlab.report.drawn import share_styles

PAGE = """<style>p { color: red }</style><p style="margin: 0">words</p>
<svg style="x: 1"><path d="M 0 0" style="fill: none" /><text style="fill: none" x="1">a &lt; b</text>
<path class="own" style="fill: none" /><path style="fill: blue" /></svg>
<svg><g style="fill: blue"><path style="fill: none" /></g></svg>"""


def test_what_several_say_is_said_once() -> None:
    shared = share_styles(PAGE)
    rules = dict(re.findall(r"^\.(d\d) { (.*) }$", shared, flags=re.MULTILINE))
    assert rules == {"d0": "fill: none", "d1": "fill: blue"}
    back = re.sub(r'class="(d\d)"', lambda name: f'style="{rules[name[1]]}"', shared)
    assert re.sub(r'\n<style id="drawn">.*?</style>', "", back, flags=re.DOTALL) == PAGE
    assert '<p style="margin: 0">' in shared
    assert '<svg style="x: 1">' in shared, "said once, it stays where it is"
    assert '<path class="own" style="fill: none" />' in shared


def test_a_page_without_drawings_has_no_rules() -> None:
    assert share_styles("<style>a</style><p>b</p>").endswith("<p>b</p>")
