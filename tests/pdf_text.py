"""The text of a PDF that Chromium made, page by page and without spaces: what a test wants to know of paper."""

from __future__ import annotations

import re
import zlib

OBJECT = re.compile(rb"(\d+) 0 obj\b(.*?)\bendobj", re.S)


def pages(pdf: bytes) -> list[str]:
    """The text of each page, in the order in which it is drawn."""
    objects = {int(number): body for number, body in OBJECT.findall(pdf)}
    fonts = {number: _letters(objects, body) for number, body in objects.items() if b"/ToUnicode" in body}
    return [_page(objects, fonts, number) for number in _order(objects)]


def _order(objects: dict[int, bytes]) -> list[int]:
    """The pages, through the tree of their parents."""
    root = next(body for body in objects.values() if b"/Type /Catalog" in body)
    return list(_below(objects, int(re.search(rb"/Pages (\d+)", root)[1])))  # type: ignore[index]


def _below(objects: dict[int, bytes], number: int) -> list[int]:
    body = objects[number]
    kids = re.search(rb"/Kids \[(.*?)\]", body, re.S)
    if kids is None:
        return [number]
    return [page for kid in re.findall(rb"(\d+) 0 R", kids[1]) for page in _below(objects, int(kid))]


def _stream(body: bytes) -> bytes:
    """What an object holds; what follows the compressed bytes is left alone."""
    _, begun, held = body.partition(b"stream\n")
    if not begun or b"/FlateDecode" not in body:
        return held
    return zlib.decompressobj().decompress(held)


def _letters(objects: dict[int, bytes], font: bytes) -> dict[int, str]:
    """What each glyph of a font stands for."""
    found = re.search(rb"/ToUnicode (\d+)", font)
    text = _stream(objects[int(found[1])]) if found else b""
    letters: dict[int, str] = {}
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", text, re.S):
        letters |= {int(glyph, 16): _read(code) for glyph, code in re.findall(rb"<(\w+)> <(\w+)>", block)}
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", text, re.S):
        for first, last, code in re.findall(rb"<(\w+)> <(\w+)> <(\w+)>", block):
            span = range(int(first, 16), int(last, 16) + 1)
            letters |= {glyph: chr(int(code, 16) + step) for step, glyph in enumerate(span)}
    return letters


def _read(code: bytes) -> str:
    return bytes.fromhex(code.decode()).decode("utf-16-be")


def _page(objects: dict[int, bytes], fonts: dict[int, dict[int, str]], number: int) -> str:
    contents = re.search(rb"/Contents (\d+)", objects[number])
    drawn = _stream(objects[int(contents[1])]) if contents else b""
    text, letters = "", dict[int, str]()
    for font, shown in re.findall(rb"/F(\d+) [\d.]+ Tf|<([0-9A-Fa-f]+)>", drawn):
        if font:
            letters = fonts.get(int(font), {})
        glyphs = [int(shown[at : at + 4], 16) for at in range(0, len(shown), 4)]
        text += "".join(letters.get(glyph, "") for glyph in glyphs)
    return re.sub(r"\s", "", text)
