"""Drawing → TikZ: the same places, lines and words as every other form, as a tikzpicture or a whole document.

The document needs `tikz` and `geometry` only, and its page is the picture. pdflatex sets it; words that it has no
letters for (Hangul, emoji) need lualatex or xelatex, and pdflatex puts a box in their place rather than stopping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.show.drawing.scene import Drawing, Edge, Label, Node, Point
from chainrule.show.drawing.style import (
    DASH,
    FRAME_WIDTHS,
    LEFT_OUT_DASH,
    PALETTES,
    RIM_WIDTHS,
    WIDTHS,
    edge_colour,
    edge_width,
    fill_colour,
    line_colour,
    text_colour,
)
from chainrule.show.drawing.svg import BASELINE, number

if TYPE_CHECKING:
    from collections.abc import Iterator

POINTS = 0.75
"""TeX's big points in a unit of the drawing."""

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}", "-": "{-}", "'": "{'}", ",": "{,}",
    "[": "{[}", "]": "{]}", "·": r"\textperiodcentered{}", "…": r"\dots{}", "σ": r"$\sigma$",
}  # fmt: skip

_HEAD = r"""% {engine}
\documentclass{{article}}
\usepackage[paperwidth={width}bp,paperheight={height}bp,margin=0bp]{{geometry}}
\usepackage[T1]{{fontenc}}
\IfFileExists{{lmodern.sty}}{{\usepackage{{lmodern}}}}{{}}
\usepackage{{tikz}}
\pagestyle{{empty}}
\setlength{{\parindent}}{{0pt}}\setlength{{\topskip}}{{0pt}}\setlength{{\parskip}}{{0pt}}
\makeatletter
\@ifundefined{{UTFviii@undefined@err}}{{}}{{\def\UTFviii@undefined@err#1{{\fbox{{\rule{{0pt}}{{1ex}}}}}}}}
\@ifundefined{{XeTeXversion}}{{\@ifundefined{{directlua}}{{}}{{{fonts}}}}}{{{fonts}}}
\makeatother
\begin{{document}}%
% The page is as large as the picture: a box without height cannot start another one.
\vbox to 0pt{{\hbox to 0pt{{%
"""

# Plain fontspec with one Hangul font needs neither xetexko nor luatexko.
_FONTS = (
    r"\RequirePackage{fontspec}\IfFontExistsTF{NanumMyeongjo}{\setmainfont{NanumMyeongjo}}"
    r"{\IfFontExistsTF{NanumGothic}{\setmainfont{NanumGothic}}{}}"
)


def to_tikz(drawing: Drawing, *, whole: bool = True, theme: str = "light", background: bool = True) -> str:
    r"""Return a drawing as TikZ.

    Args:
        drawing: what is drawn.
        whole: whether it is a document, or only the tikzpicture.
        theme: light or dark.
        background: whether the paper is painted.

    Example:
        >>> from chainrule import Network
        >>> from chainrule.notation import load
        >>> from chainrule.show.drawing.compose import lay_out
        >>> to_tikz(lay_out(Network.read("2-1"), notation=load("seed")), whole=False)[:19]
        '\\begin{tikzpicture}'
    """
    writer = _Writer(drawing, theme)
    picture = "\n".join(writer.lines(background)) + "\n"
    if not whole:
        return picture
    width, height = (number(size * POINTS) for size in (drawing.width, drawing.height))
    words = "".join(label.text for label in drawing.all_labels)
    plain = all(ord(char) < 0x250 or char in "⋮⋯…σ" for char in words)
    engine = "pdflatex" if plain else "lualatex or xelatex"
    head = _HEAD.format(width=width, height=height, engine=engine, fonts="" if plain else _FONTS)
    return f"{head}{picture}\\hss}}\\vss}}\n\\end{{document}}\n"


class _Writer:
    def __init__(self, drawing: Drawing, theme: str) -> None:
        self.drawing = drawing
        self.palette = PALETTES[theme]

    def lines(self, background: bool) -> Iterator[str]:
        d, palette = self.drawing, self.palette
        yield rf"\begin{{tikzpicture}}[x={POINTS}bp,y=-{POINTS}bp,line cap=round]"
        for name in self._colours():
            yield rf"  \definecolor{{{_colour(name)}}}{{HTML}}{{{name[1:].upper()}}}"
        corner = _at((d.left, d.top)), _at((d.left + d.width, d.top + d.height))
        yield rf"  \path[use as bounding box] {corner[0]} rectangle {corner[1]};"
        if background:
            yield rf"  \fill[{_colour(palette.paper)}] {corner[0]} rectangle {corner[1]};"
        for frame in d.frames:
            colour = line_colour(palette, "frame", frame.state, d.direction)
            style = f"{self._stroke(colour, FRAME_WIDTHS[frame.state], DASH)},rounded corners={number(14 * POINTS)}bp"
            end = _at((frame.left + frame.width, frame.top + frame.height))
            yield rf"  \draw[{style}] {_at((frame.left, frame.top))} rectangle {end};"
        for edge in d.edges:
            yield from self._edge(edge)
        for edge in d.edges:
            if edge.label is not None:
                yield self._label(edge.label, halo=True)
        for label in d.labels:
            yield self._label(label, halo=label.kind in ("note", "adjoint", "count"))
        for node in d.nodes:
            yield from self._node(node)
        yield r"\end{tikzpicture}%"

    def _colours(self) -> list[str]:
        """Return the colours that are used, each once."""
        d, palette = self.drawing, self.palette
        used = [palette.paper]
        used += [line_colour(palette, "frame", frame.state, d.direction) for frame in d.frames]
        used += [edge_colour(palette, edge, d.direction) for edge in d.edges]
        for node in d.nodes:
            used.append(fill_colour(palette, node.kind, node.state))
            used.append(line_colour(palette, node.kind, node.state, d.direction))
        used += [text_colour(palette, label.kind, label.state, d.direction) for label in d.all_labels]
        return sorted(set(used))

    def _stroke(self, colour: str, width: float, dash: tuple[float, float] | None = None) -> str:
        style = f"{_colour(colour)},line width={number(width * POINTS)}bp"
        if dash is None:
            return style
        return f"{style},dash pattern=on {number(dash[0] * POINTS)}bp off {number(dash[1] * POINTS)}bp"

    def _edge(self, edge: Edge) -> Iterator[str]:
        colour = edge_colour(self.palette, edge, self.drawing.direction)
        dash = LEFT_OUT_DASH if edge.kind == "faint" else None
        about = f" % {edge.symbol}" if edge.symbol else ""
        yield rf"  \draw[{self._stroke(colour, edge_width(edge), dash)}] {_curve(edge.line)};{about}"
        if edge.rest:
            yield rf"  \draw[{self._stroke(colour, WIDTHS['plain'])}] {_curve(edge.rest)};"
        if edge.head is not None:
            yield rf"  \fill[{_colour(colour)}] {' -- '.join(map(_at, edge.head))} -- cycle;"

    def _node(self, node: Node) -> Iterator[str]:
        if node.kind != "dots":
            fill = _colour(fill_colour(self.palette, node.kind, node.state))
            colour = line_colour(self.palette, node.kind, node.state, self.drawing.direction)
            style = f"draw={self._stroke(colour, RIM_WIDTHS[node.state])},fill={fill}"
            if node.kind in ("loss", "target"):
                start = _at((node.x - node.rx, node.y - node.ry))
                end = _at((node.x + node.rx, node.y + node.ry))
                yield rf"  \path[{style},rounded corners={number(7 * POINTS)}bp] {start} rectangle {end};"
            else:
                yield rf"  \path[{style}] {_at((node.x, node.y))} circle[radius={number(node.rx * POINTS)}bp];"
        if node.label is not None:
            yield self._label(node.label)

    def _label(self, label: Label, *, halo: bool = False) -> str:
        colour = _colour(text_colour(self.palette, label.kind, label.state, self.drawing.direction))
        words = _words(label)
        anchor = {"start": "base west", "middle": "base", "end": "base east"}[label.anchor]
        style = f"anchor={anchor},inner sep={'1' if halo else '0'}bp,text={colour}"
        if halo:
            style += f",fill={_colour(self.palette.paper)}"
        size = f"\\fontsize{{{number(label.size * POINTS)}}}{{{number(label.size)}}}\\selectfont"
        return rf"  \node[{style}] at {_at((label.x, label.y + BASELINE * label.size))} {{{size} {words}}};"


def _words(label: Label) -> str:
    if label.kind == "dots":
        return r"$\cdots$" if label.text == "⋯" else r"$\vdots$"
    bold = label.state == "chosen" or label.kind == "caption"
    if label.glyph is not None:
        # \boldmath leaves something behind its group, which may not be the node's: tikz would stumble over it.
        return rf"\mbox{{\boldmath${label.glyph.latex}$}}" if bold else f"${label.glyph.latex}$"
    # \operatorname is amsmath's, which a fragment cannot count on.
    words = label.latex.replace(r"\operatorname", r"\mathrm") or escape(label.text)
    if label.kind == "name":
        words = rf"\textit{{{words}}}"
    return rf"\textbf{{{words}}}" if bold else words


def escape(text: str) -> str:
    r"""Return a person's text as TeX sets it: nothing in it is a command, and nothing joins into a ligature.

    Example:
        >>> escape("50% of $x_1$")
        '50\\% of \\$x\\_1\\$'
    """
    return "".join(_SPECIAL.get(char, char) for char in text)


def _at(point: Point) -> str:
    return f"({number(point[0])},{number(point[1])})"


def _curve(curve: tuple[Point, ...]) -> str:
    if len(curve) == 2:
        return f"{_at(curve[0])} -- {_at(curve[1])}"
    points = [_at(point) for point in curve]
    pieces = (f" .. controls {a} and {b} .. {c}" for a, b, c in zip(*(points[k::3] for k in (1, 2, 3)), strict=True))
    return points[0] + "".join(pieces)


def _colour(name: str) -> str:
    """Return what TeX calls a colour: letters, so that a name never depends on the theme."""
    return "c" + name[1:].lower()
