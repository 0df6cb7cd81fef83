"""Colours, lines and faces: one table, which every picture format reads.

A page restyles an inline SVG by the class names that its parts carry; these values are what stands there without one.
No state is told apart by colour alone: a lit line is also thicker, a chosen one thicker still.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.show.drawing.scene import Edge

FONT = (
    "'STIX Two Text','Libertinus Serif','Times New Roman','Liberation Serif',Tinos,Times,'Latin Modern Roman',"
    "'Noto Serif CJK KR','Noto Serif KR','Nanum Myeongjo','Apple SD Gothic Neo','Malgun Gothic',serif"
)


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a theme."""

    paper: str
    ink: str
    line: str
    fine: str
    faint: str
    dim_line: str
    dim_ink: str
    quiet: str
    given: str
    forward: str
    backward: str
    lit_fill: str


PALETTES = MappingProxyType(
    {
        "light": Palette(
            paper="#ffffff", ink="#16191d", line="#4b5560", fine="#8a939d", faint="#b9c0c8", dim_line="#cdd3d9",
            dim_ink="#6b747e", quiet="#545d67", given="#eef1f4", forward="#1452b8", backward="#b3370b",
            lit_fill="#fff8e6",
        ),
        "dark": Palette(
            paper="#14171b", ink="#eceff2", line="#a9b3bd", fine="#6d7781", faint="#4c555e", dim_line="#3a424a",
            dim_ink="#8b959f", quiet="#a9b3bd", given="#232930", forward="#7db2ff", backward="#ff9166",
            lit_fill="#2f2a1c",
        ),
    }
)  # fmt: skip
"""Themes by name."""

WIDTHS = MappingProxyType({"plain": 1.3, "dim": 1.0, "path": 2.6, "chosen": 4.2})
RIM_WIDTHS = MappingProxyType({"plain": 1.5, "dim": 1.2, "path": 2.6, "chosen": 3.8})
FRAME_WIDTHS = MappingProxyType({"plain": 1.1, "dim": 0.9, "path": 2.0})
FAINT_WIDTH = 0.9
FINE_WIDTH = 0.55
DASH = (4.0, 4.0)
LEFT_OUT_DASH = (2.0, 3.0)


def accent(palette: Palette, direction: str | None) -> str:
    """Return the colour of what is lit."""
    return palette.backward if direction == "backward" else palette.forward


def edge_colour(palette: Palette, edge: Edge, direction: str | None) -> str:
    """Return the colour of an edge."""
    if edge.fine and edge.state == "plain":
        return palette.fine
    return line_colour(palette, edge.kind, edge.state, direction)


def line_colour(palette: Palette, kind: str, state: str, direction: str | None) -> str:
    """Return the colour of a line: an edge, a frame, or a unit's rim."""
    if state in ("path", "chosen"):
        return accent(palette, direction)
    if kind == "faint":
        return palette.dim_line if state == "dim" else palette.faint
    return palette.dim_line if state == "dim" else palette.line


def edge_width(edge: Edge) -> float:
    """Return how thick an edge is."""
    if edge.kind == "faint":
        return 1.6 if edge.state in ("path", "chosen") else FAINT_WIDTH
    if edge.fine and edge.state in ("plain", "dim"):
        return FINE_WIDTH
    return WIDTHS[edge.state] * (0.6 if edge.fine else 1.0)


def fill_colour(palette: Palette, kind: str, state: str) -> str:
    """Return what a node is filled with: what comes from outside is tinted, what is computed is not."""
    if state in ("path", "chosen"):
        return palette.lit_fill
    return palette.given if kind in ("input", "target") else palette.paper


def text_colour(palette: Palette, kind: str, state: str, direction: str | None) -> str:
    """Return the colour of a label."""
    if kind in ("caption", "title"):
        return palette.ink
    if kind in ("size", "count", "dots", "name", "note") and state == "plain":
        return palette.quiet
    if state == "dim":
        return palette.dim_ink
    lit = kind == "adjoint" or (state in ("path", "chosen") and kind in ("weight", "bias"))
    return accent(palette, direction) if lit else palette.ink
