"""Matplotlib's SVG made small, deterministic and fit for a page: its colours follow the page's, light or dark.

On its own the file shows the light colours: each is written ``var(--role, #hex)``.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from cnnlab.figures.drawing.theme import COLOURS

SVG = "http://www.w3.org/2000/svg"
ET.register_namespace("", SVG)
XLINK = "{http://www.w3.org/1999/xlink}href"
FONTS = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', 'Liberation Sans', Arial, sans-serif"
_ROLES = {shades[0]: role for role, shades in COLOURS.items()}
_GEOMETRY = ("d", "x", "y", "points", "transform", "viewBox", "width", "height")
_UNWANTED = ("metadata", "style", "title", "desc")


def finish(text: str, name: str, title: str, alt: str) -> str:
    """The SVG `text` as a file: ids begin with `name`, `title` and `alt` say what is to be seen."""
    root = ET.fromstring(text)
    _drop(root, _UNWANTED)
    _rename(root, name)
    for element in root.iter():
        _shorten(element)
    _unwrap(root)
    for key in ("width", "height"):
        root.set(key, root.get(key, "").removesuffix("pt"))
    root.attrib |= {"role": "img", "aria-labelledby": f"{name}-title {name}-desc"}
    root.attrib |= {"font-family": FONTS, "stroke-linejoin": "round"}
    for place, (tag, content) in enumerate({"title": title, "desc": alt}.items()):
        element = ET.Element(f"{{{SVG}}}{tag}", {"id": f"{name}-{tag}"})
        element.text = content
        root.insert(place, element)
    return ET.tostring(root, encoding="unicode") + "\n"


def inline(text: str) -> str:
    """A finished SVG as part of a page: named by its description, without a tooltip, coloured by the page alone."""
    root = ET.fromstring(text)
    named = (root.findtext(f"{{{SVG}}}{tag}", "") for tag in ("title", "desc"))
    label = ". ".join(part for part in named if part)
    _drop(root, _UNWANTED)
    for key in ("aria-labelledby", "font-family", "width", "height", "version"):
        root.attrib.pop(key, None)
    root.attrib |= {"role": "img", "aria-label": label}
    markup = ET.tostring(root, encoding="unicode").replace(f' xmlns="{SVG}"', "")
    return re.sub(r"var\((--[\w-]+), #\w+\)", r"var(\1)", markup)


def _drop(root: ET.Element, tags: tuple[str, ...]) -> None:
    unwanted = {f"{{{SVG}}}{tag}" for tag in tags}
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in unwanted or _is_empty(child):
                parent.remove(child)


def _is_empty(element: ET.Element) -> bool:
    """Whether it paints nothing: a shape without fill and stroke, or a group without anything in it."""
    if element.get("style") == "fill: none":
        return True
    return element.tag in (f"{{{SVG}}}defs", f"{{{SVG}}}g") and all(
        child.tag in {f"{{{SVG}}}style", f"{{{SVG}}}metadata"} for child in element
    )


def _rename(root: ET.Element, name: str) -> None:
    """Ids that are referred to become short and unique within any page; the others go."""
    used = dict.fromkeys(reference for element in root.iter() for reference in _references(element))
    names = {old: f"{name}-{index}" for index, old in enumerate(used)}
    for element in root.iter():
        old = element.attrib.pop("id", None)
        if old in names:
            element.set("id", names[old])
        if XLINK in element.attrib:
            link = element.attrib.pop(XLINK)
            element.attrib = {"href": f"#{names[link[1:]]}" if link.startswith("#") else link, **element.attrib}
        clip = element.get("clip-path")
        if clip:
            element.set("clip-path", f"url(#{names[clip[5:-1]]})")


def _unwrap(parent: ET.Element) -> None:
    """Groups that say nothing of what is in them: on a page of many figures, a third of all that a browser lays out."""
    children: list[ET.Element] = []
    for child in parent:
        _unwrap(child)
        children += child if child.tag == f"{{{SVG}}}g" and not child.attrib else [child]
    parent[:] = children


def _references(element: ET.Element) -> Iterator[str]:
    if element.get(XLINK, "").startswith("#"):
        yield element.attrib[XLINK][1:]
    if element.get("clip-path"):
        yield element.attrib["clip-path"][5:-1]


def _shorten(element: ET.Element) -> None:
    element.tail = element.tail.strip() if element.tail else None
    if not element.tag.endswith("}text"):
        element.text = element.text.strip() if element.text else None
    for key in _GEOMETRY:
        if key in element.attrib:
            element.set(key, _rounded(element.attrib[key]))
    if element.get("transform", "").startswith("rotate(0 "):
        del element.attrib["transform"]
    if "style" in element.attrib:
        element.set("style", _styled(element.attrib["style"]))


def _rounded(geometry: str) -> str:
    """Coordinates to 1/100 of a point."""
    text = re.sub(r"-?\d+\.\d+", lambda number: f"{float(number.group()):.2f}".rstrip("0").rstrip("."), geometry)
    return re.sub(r"(?<![\d.])-0(?![\d.])", "0", " ".join(text.split()))


def _styled(style: str) -> str:
    style = re.sub(r"font-family:[^;]+;? ?", "", style)
    style = re.sub(r"(font:[^;]*?\d+(?:\.\d+)?px) [^;]+", r"\1 sans-serif", style)
    return re.sub(r"#[0-9a-f]{6}", _coloured, style)


def _coloured(colour: re.Match[str]) -> str:
    """The colour by its role, if it has one."""
    role = _ROLES.get(colour.group())
    return f"var(--{role}, {colour.group()})" if role else colour.group()
