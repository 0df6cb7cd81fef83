"""The drawing of a network: left to right, weights labelled, one weight's paths lit.

    compose.py   Network → Drawing (columns, plan, edges, wires, spots, words, glyphs, reach)
    scene.py     what a Drawing is
    svg.py       Drawing → SVG          tikz.py    Drawing → TikZ
    export.py    SVG → PNG, PDF, by the extra `pdf`

Every picture is a reading of the same Drawing; none of them knows what a network is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.errors import SelectionError

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.show.drawing.scene import Drawing

FORMATS = ("svg", "tikz", "tikz-fragment", "png", "pdf")
"""The picture formats: `tikz` is a whole LaTeX document, `tikz-fragment` only its tikzpicture."""

DIRECTIONS = ("forward", "backward")
THEMES = ("light", "dark")
SCALES = (0.1, 20.0)
"""The smallest and largest scale of a PNG."""


def draw(
    net: Network,
    *,
    format: str = "svg",
    highlight: str | None = None,
    direction: str | None = None,
    notation: str = "seed",
    lang: str = "en",
    expand: bool = False,
    theme: str = "light",
    background: bool = True,
    scale: float = 2.0,
) -> str | bytes:
    """Return the drawing of a network: text for svg and tikz, bytes for png and pdf.

    Args:
        net: the figure.
        format: one of FORMATS.
        highlight: a weight, bias, unit or layer (`w_11^1`, `b_1^2`, `a_1^1`, `W_2`, a name on the sheet) whose paths to
            the loss are lit.
        direction: `forward` puts arrows from the inputs to the loss, `backward` from the loss back, with ∂loss/∂… at
            the units; left out, there are no arrows.
        notation: how symbols are spelled, a name of `chainrule.notation.names`.
        lang: the language of captions, en or ko.
        expand: whether large layers and deep networks are drawn with more of their units (up to 64 a layer, 40 layers).
        theme: light or dark.
        background: whether the paper is painted; without it the picture is transparent.
        scale: pixels of a PNG for each unit of the drawing, 0.1 to 20.

    Raises:
        SelectionError: where an option selects nothing: an unknown format, symbol, notation, language, ….
        OutputError: where png or pdf are asked for and the extra `pdf` is not installed.

    Example:
        >>> from chainrule import Network
        >>> svg = draw(Network.read("2-3-2-1"), highlight="w_11^1", direction="backward")
        >>> svg.count('data-symbol="w_')
        14
    """
    _choose("format", format, FORMATS)
    _choose("theme", theme, THEMES)
    if not (isinstance(scale, int | float) and SCALES[0] <= scale <= SCALES[1]):
        raise SelectionError("bad_scale", read=str(scale)[:40], low=SCALES[0], high=SCALES[1])
    drawing = layout(net, highlight=highlight, direction=direction, notation=notation, lang=lang, expand=expand)
    if format.startswith("tikz"):
        from chainrule.show.drawing.tikz import to_tikz

        return to_tikz(drawing, whole=format == "tikz", theme=theme, background=background)
    from chainrule.show.drawing.svg import to_svg

    svg = to_svg(drawing, theme=theme, background=background)
    if format == "svg":
        return svg
    from chainrule.show.drawing.export import to_pdf, to_png

    return to_pdf(svg, drawing) if format == "pdf" else to_png(svg, drawing, scale=scale)


def layout(
    net: Network,
    *,
    highlight: str | None = None,
    direction: str | None = None,
    notation: str = "seed",
    lang: str = "en",
    expand: bool = False,
) -> Drawing:
    """Return the Drawing that every picture format reads; the arguments are those of `draw`."""
    from chainrule.notation import load
    from chainrule.prose import LANGUAGES
    from chainrule.show.drawing.compose import lay_out

    _choose("lang", lang, LANGUAGES)
    if direction is not None:
        _choose("direction", direction, DIRECTIONS)
    spelling = load(notation)
    return lay_out(net, notation=spelling, lang=lang, highlight=highlight, direction=direction, expand=expand)


def _choose(what: str, read: str, known: tuple[str, ...]) -> None:
    """Raise SelectionError unless what was read is one of the known words."""
    if read not in known:
        from chainrule.figure.names import short

        raise SelectionError("unknown_choice", option=what, read=short(read), known=", ".join(known))


__all__ = ["DIRECTIONS", "FORMATS", "SCALES", "THEMES", "draw", "layout"]
