"""Drawing → SVG: inline attributes, no ids, no scripts, no style sheet needed; classes for a page that has one.

Built with xml.etree, so that escaping is its business. Lines are painted first, then labels, then units. A weight, bias
or unit is a focusable button with a name (`aria-label`) and its plain spelling (`data-symbol`); since an exactly level
line has an empty box, and a thin one is hard to hit, each carries a wide transparent line under the visible one. Labels
lie in a group of their own, marked `data-label`, and let the pointer through.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from chainrule.show.drawing.metrics import text_width
from chainrule.show.drawing.scene import SCRIPT, Drawing, Edge, Frame, Label, Node, Point
from chainrule.show.drawing.style import (
    DASH,
    FONT,
    FRAME_WIDTHS,
    LEFT_OUT_DASH,
    PALETTES,
    RIM_WIDTHS,
    WIDTHS,
    Palette,
    edge_colour,
    edge_width,
    fill_colour,
    line_colour,
    text_colour,
)

if TYPE_CHECKING:
    from chainrule.show.drawing.glyphs import Glyph

BASELINE = 0.33
"""How far below the middle of a text its baseline is, by its size."""


def to_svg(drawing: Drawing, *, theme: str = "light", background: bool = True) -> str:
    """Return a drawing as a standalone SVG document, which may as well stand inside a page.

    Args:
        drawing: what is drawn.
        theme: light or dark.
        background: whether the paper is painted.

    Example:
        >>> from chainrule import Network
        >>> from chainrule.notation import load
        >>> from chainrule.show.drawing.compose import lay_out
        >>> to_svg(lay_out(Network.read("2-1"), notation=load("seed")))[:49]
        '<svg xmlns="http://www.w3.org/2000/svg" class="ch'
    """
    return _Writer(drawing, PALETTES[theme]).document(background)


class _Writer:
    def __init__(self, drawing: Drawing, palette: Palette) -> None:
        self.drawing = drawing
        self.palette = palette

    def document(self, background: bool) -> str:
        d = self.drawing
        direction = f" {d.direction}" if d.direction else ""
        root = ET.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "class": f"chainrule-drawing{direction}",
                "viewBox": " ".join(map(number, (d.left, d.top, d.width, d.height))),
                "width": number(d.width),
                "height": number(d.height),
                "lang": d.lang,
                "role": "group",
                "aria-label": d.title,
                "font-family": FONT,
                "text-rendering": "geometricPrecision",
            },
        )
        ET.SubElement(root, "title").text = d.title
        ET.SubElement(root, "desc").text = d.description
        if background:
            size = {"x": number(d.left), "y": number(d.top), "width": number(d.width), "height": number(d.height)}
            ET.SubElement(root, "rect", {"class": "paper", **size, "fill": self.palette.paper})
        for frame in d.frames:
            self._frame(root, frame)
        edges = ET.SubElement(root, "g", {"class": "edges", "fill": "none"})
        for edge in d.edges:
            self._edge(edges, edge)
        labels = ET.SubElement(root, "g", {"class": "labels", "pointer-events": "none", "aria-hidden": "true"})
        for edge in d.edges:
            if edge.label is not None:
                self._label(labels, edge.label, halo=True)
        for label in d.labels:
            if label.kind in ("note", "adjoint", "count"):
                self._label(labels, label, halo=True)
        units = ET.SubElement(root, "g", {"class": "units"})
        for node in d.nodes:
            self._node(units, node)
        words = ET.SubElement(root, "g", {"class": "captions", "pointer-events": "none"})
        for label in d.labels:
            if label.kind not in ("note", "adjoint", "count"):
                self._label(words, label)
        _break_lines(root)
        return ET.tostring(root, encoding="unicode") + "\n"

    def _frame(self, parent: ET.Element, frame: Frame) -> None:
        ET.SubElement(
            parent,
            "rect",
            {
                "class": f"frame {frame.state}", "x": number(frame.left), "y": number(frame.top),
                "width": number(frame.width), "height": number(frame.height), "rx": "14", "fill": "none",
                "stroke": line_colour(self.palette, "frame", frame.state, self.drawing.direction),
                "stroke-width": number(FRAME_WIDTHS[frame.state]),
                "stroke-dasharray": _dash(DASH),
            },
        )  # fmt: skip

    def _edge(self, parent: ET.Element, edge: Edge) -> None:
        colour = edge_colour(self.palette, edge, self.drawing.direction)
        attributes = {"class": f"{edge.kind} {edge.state}"}
        if edge.kind in ("weight", "bias"):
            attributes |= {
                "role": "button", "tabindex": "0", "aria-label": edge.about, "data-symbol": edge.symbol,
                "data-from": edge.origin, "data-to": edge.target,
            }  # fmt: skip
        elif edge.origin and edge.target:
            attributes |= {"data-from": edge.origin, "data-to": edge.target}
        group = ET.SubElement(parent, "g", {key: value for key, value in attributes.items() if value})
        if edge.kind in ("weight", "bias"):
            hit = {"class": "hit", "d": path(edge.curve), "stroke": "#000", "stroke-opacity": "0", "stroke-width": "14"}
            ET.SubElement(group, "path", {**hit, "pointer-events": "stroke"})
        line = {"class": "line", "d": path(edge.line), "stroke": colour, "stroke-width": number(edge_width(edge))}
        if edge.kind == "faint":
            line["stroke-dasharray"] = _dash(LEFT_OUT_DASH)
        ET.SubElement(group, "path", line)
        if edge.rest:
            ET.SubElement(group, "path", {**line, "d": path(edge.rest), "stroke-width": number(WIDTHS["plain"])})
        if edge.head is not None:
            ET.SubElement(group, "path", {"class": "head", "d": path_of_corners(edge.head), "fill": colour})

    def _node(self, parent: ET.Element, node: Node) -> None:
        if node.kind == "dots":
            group = ET.SubElement(parent, "g", {"class": f"dots {node.state}", "aria-hidden": "true"})
        else:
            group = ET.SubElement(
                parent, "g",
                {
                    "class": f"{node.kind} {node.state}", "role": "button", "tabindex": "0", "aria-label": node.about,
                    "data-symbol": node.symbol,
                },
            )  # fmt: skip
            shape = {
                "class": "shape",
                "fill": fill_colour(self.palette, node.kind, node.state),
                "stroke": line_colour(self.palette, node.kind, node.state, self.drawing.direction),
                "stroke-width": number(RIM_WIDTHS[node.state]),
            }
            if node.kind in ("loss", "target"):
                box = {"x": number(node.x - node.rx), "y": number(node.y - node.ry), "rx": "7"}
                box |= {"width": number(2 * node.rx), "height": number(2 * node.ry)}
                ET.SubElement(group, "rect", {**box, **shape})
            else:
                circle = {"cx": number(node.x), "cy": number(node.y), "r": number(node.rx)}
                ET.SubElement(group, "circle", {**circle, **shape})
        if node.label is not None:
            self._label(group, node.label)

    def _label(self, parent: ET.Element, label: Label, *, halo: bool = False) -> None:
        attributes = {
            "class": f"{label.kind} {label.state}",
            "x": number(label.x),
            "y": number(label.y + BASELINE * label.size),
            "font-size": number(label.size),
            "fill": text_colour(self.palette, label.kind, label.state, self.drawing.direction),
            "text-anchor": label.anchor,
        }
        if label.symbol:
            attributes["data-label"] = label.symbol
        if label.state == "chosen" or label.kind == "caption":
            attributes["font-weight"] = "bold"
        if label.kind == "name":
            attributes["font-style"] = "italic"
        if halo:
            # Painted as its own text beneath: `paint-order` would do it in one, but not every renderer knows it.
            under = {**attributes, "class": "halo", "fill": self.palette.paper, "stroke": self.palette.paper}
            under |= {"stroke-width": "5", "stroke-linejoin": "round"}
            under.pop("data-label", None)
            self._text(parent, under, label)
        self._text(parent, attributes, label)

    def _text(self, parent: ET.Element, attributes: dict[str, str], label: Label) -> None:
        text = ET.SubElement(parent, "text", attributes)
        if label.glyph is None:
            text.text = label.text
        else:
            _set_glyph(text, label, label.glyph)


def _set_glyph(text: ET.Element, label: Label, glyph: Glyph) -> None:
    """Set a symbol: its letter ends, and its scripts begin, at one point, so that no font can make them collide."""
    scripts = max(text_width(glyph.sub, label.size * SCRIPT), text_width(glyph.sup, label.size * SCRIPT))
    suffix = text_width(glyph.suffix, label.size)
    width = label.width
    left = label.x - {"start": 0.0, "middle": width / 2, "end": width}[label.anchor]
    seam = left + width - scripts - suffix
    y = label.y + BASELINE * label.size
    if not (glyph.sub or glyph.sup or glyph.suffix):
        _run(text, glyph.prefix + glyph.base, {"font-style": "italic"})
        return
    text.set("x", number(seam))
    text.set("text-anchor", "end")
    _run(text, glyph.prefix + glyph.base, {"font-style": "italic"})
    small = {"text-anchor": "start", "font-size": number(label.size * SCRIPT)}
    for script, shift in ((glyph.sub, 0.26), (glyph.sup, -0.42)):
        down = shift if glyph.sub else -0.36
        if script:
            _run(text, script, {"x": number(seam + 0.06 * label.size), "y": number(y + down * label.size), **small})
    if glyph.suffix:
        _run(text, glyph.suffix, {"x": number(seam + scripts), "y": number(y), "text-anchor": "start"})


def _run(text: ET.Element, words: str, attributes: dict[str, str]) -> None:
    if words:
        ET.SubElement(text, "tspan", attributes).text = words


def path(curve: tuple[Point, ...]) -> str:
    """Return a curve as path data.

    Example:
        >>> path(((0, 0), (10, 2.25)))
        'M0 0L10 2.25'
    """
    letter = "L" if len(curve) == 2 else "C"
    points = [f"{number(x)} {number(y)}" for x, y in curve]
    return f"M{points[0]}{letter}{' '.join(points[1:])}"


def path_of_corners(corners: tuple[Point, ...]) -> str:
    """Return a filled shape as path data."""
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in corners) + "Z"


def number(value: float) -> str:
    """Return a length as it is written: two decimals at most.

    Example:
        >>> number(-0.001), number(12.5), number(3.14159)
        ('0', '12.5', '3.14')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _dash(dash: tuple[float, float]) -> str:
    return " ".join(map(number, dash))


def _break_lines(root: ET.Element) -> None:
    """Put each part on a line of its own, but nothing inside a text, where white space would be drawn."""
    root.text = "\n"
    for child in root:
        child.tail = "\n"
        if child.tag == "g":
            child.text = "\n" if len(child) else None
            for part in child:
                part.tail = "\n"
