"""SVG → PNG and PDF, by way of Typst, which the extra `pdf` installs: no browser, no system library.

Typst embeds the faces that Latin letters and mathematics need; Hangul is set in whatever font the system has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.errors import OutputError

if TYPE_CHECKING:
    from chainrule.show.drawing.scene import Drawing

POINTS = 0.75
"""Points in a unit of the drawing: 72 of the one, 96 of the other, are an inch."""


def to_png(svg: str, drawing: Drawing, *, scale: float = 2.0) -> bytes:
    """Return the picture as PNG, `scale` pixels to a unit of the drawing.

    Raises:
        OutputError: where the package `typst` is not installed.
    """
    # Pixels, not units, are what a viewer has to hold: a very large drawing is scaled down to what can be looked at.
    most = min(MOST_PIXELS / drawing.width, MOST_PIXELS / drawing.height)
    return _compile(svg, drawing, format="png", ppi=96 * min(scale, most))


MOST_PIXELS = 16_000


def to_pdf(svg: str, drawing: Drawing) -> bytes:
    """Return the picture as a PDF of one page of its size.

    Raises:
        OutputError: where the package `typst` is not installed.
    """
    return _compile(svg, drawing, format="pdf")


def _compile(svg: str, drawing: Drawing, **options: Any) -> bytes:
    try:
        import typst
    except ImportError as error:
        raise OutputError("missing_extra", extra="pdf", package="typst") from error
    width, height = drawing.width * POINTS, drawing.height * POINTS
    data = svg.replace("\\", "\\\\").replace('"', '\\"')
    title = drawing.title.replace("\\", "\\\\").replace('"', '\\"')
    source = (
        f'#set document(title: "{title}")\n'
        f"#set page(width: {width:.2f}pt, height: {height:.2f}pt, margin: 0pt, fill: none)\n"
        f'#image(bytes("{data}"), format: "svg", width: 100%, height: 100%)\n'
    )
    found = typst.compile(source.encode(), **options)
    assert isinstance(found, bytes)
    return found
