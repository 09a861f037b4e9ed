"""What the drawings of a page have in common: some hundred colours and lines, said more than ten thousand times."""

from __future__ import annotations

import re
from collections import Counter

DRAWING = re.compile(r"<svg.*?</svg>", re.DOTALL)
STYLED = re.compile(r'(<[^<>]*?) style="([^"]*)"')
END = "</style>"


def share_styles(page: str) -> str:
    """The page with each style of several elements of drawings as a class, in a style sheet of their own.

    An element with a class of its own keeps its style.
    """
    counts = Counter(style for drawing in DRAWING.findall(page) for _, style in _plain(drawing))
    names = {style: f"d{place}" for place, (style, count) in enumerate(counts.most_common()) if count > 1}

    def named(element: re.Match[str]) -> str:
        before, style = element.groups()
        return f'{before} class="{names[style]}"' if style in names and "class=" not in element[0] else element[0]

    shared = DRAWING.sub(lambda drawing: STYLED.sub(named, drawing[0]), page)
    rules = "\n".join(f".{name} {{ {style} }}" for style, name in names.items())
    return shared.replace(END, f'{END}\n<style id="drawn">\n{rules}\n{END}', 1)


def _plain(drawing: str) -> list[tuple[str, str]]:
    return [(before, style) for before, style in STYLED.findall(drawing) if "class=" not in before]
