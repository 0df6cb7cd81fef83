r"""Lines as the page reads them: LaTeX in which every symbol says what it is, and holes for numbers.

A symbol stands in `\htmlData{s=w_11^2}{…}`, ∂loss/∂z_1^2 in `\htmlData{p=z_1^2}{…}`, any other ∂q/∂s in
`\htmlData{l=q|s}{…}` and a whole matrix in `\htmlData{m=W_2}{…}`; the page links them with the drawing. A comma, which
would end an argument of KaTeX's, is written as a semicolon. A hole for a number is `\x01s=w_11^2\x02`; brackets that
stand only where the number right behind them is negative are `\x04 … \x05`, large ones `\x06 … \x07`. Subscripts that
the page fills in are holes of `chainrule.show.templates`, within LaTeX in `\x00…\x00`, within names in `\x03…\x03`.
"""

from __future__ import annotations

import re
from typing import Any

from chainrule.expr import Atom, Expr, Matrix, Partial, Ref
from chainrule.notation import SLOT, Notation, plain
from chainrule.show.document import DOTS, Formula, Words, line_sides, write_out
from chainrule.show.forms import AMONG_WORDS, LATEX, Form
from chainrule.show.write import Writer
from chainrule.values.evaluate import array_name

NAME_SLOT = "\x03"

_WORD = re.compile(r"(?<![\\a-zA-Z])(loss|pred|true)(?![a-zA-Z])")
_MARK = re.compile(r"\\htmlData\{[^}]*\}\{|\\mathit\{")


def mark_of(expr: Expr) -> str:
    """Return what an atom or a matrix is to the page: a letter and its name.

    Example:
        >>> from chainrule import Network
        >>> step = Network.read("2-1").derive()["w_12^1"]
        >>> mark_of(step.target), mark_of(step.partial)
        ('s=w_12^1', 'p=w_12^1')
    """
    match expr:
        case Ref():
            name = f"s={plain(expr)}"
        case Partial(Ref(symbol), Ref() as by) if symbol.kind == "loss":
            name = f"p={plain(by)}"
        case Partial(of, by):
            name = f"l={plain(of)}|{plain(by)}"
        case Matrix():
            name = f"m={matrix_key(expr)}"
        case _:
            name = "n=N"
    return name.replace(SLOT, NAME_SLOT).replace(",", ";")


def matrix_key(matrix: Matrix) -> str:
    """Return what a whole matrix is called in the bundle: `Z_1`, `∂W_2`, `δ_2`."""
    symbol = matrix.symbol
    if symbol.kind == "delta":
        return f"δ_{symbol.layer}"
    if symbol.kind in ("onehot", "mask"):
        return f"{symbol.kind}_{symbol.layer or 0}_{symbol.source or 0}"
    return array_name(symbol) if matrix.of is None else f"∂{array_name(symbol)}"


class PageWriter(Writer):
    """Writes LaTeX whose symbols say what they are."""

    def __init__(self, notation: Notation, form: Form = LATEX) -> None:
        super().__init__(form, notation)
        self.bare = Writer(form, notation)

    def _atom(self, atom: Atom) -> tuple[str, int]:
        text, level = self.bare._atom(atom)
        return _marked(atom, text), level

    def _matrix(self, expr: Expr) -> tuple[str, int]:
        if not isinstance(expr, Matrix):
            return super()._matrix(expr)
        text, level = self.bare._matrix(expr)
        return _marked(expr, text), level

    def _between(self, before: str, text: str) -> str:
        return super()._between(before.rstrip("}"), _MARK.sub("", text))


def _marked(expr: Expr, text: str) -> str:
    words = _WORD.sub(r"\\mathit{\1}", text)
    return rf"\htmlData{{{mark_of(expr)}}}{{{words}}}"


def _writer_of_holes(notation: Notation, sign: str) -> Writer:
    """Return the writer of a line's last side with holes for its numbers, as if all of them had a sign."""

    def put(expr: Expr) -> str:
        if expr == DOTS:
            return r"\cdots"
        hole = f"\x01{mark_of(expr)}\x02"
        return hole if isinstance(expr, Matrix) else sign + hole

    return Writer(LATEX, notation, put=put)


_PIECE = re.compile(r"\\left\( | \\right\)|[()]|\x01[^\x02]*\x02|.", re.DOTALL)
_OPEN = {"(": "\x04", r"\left( ": "\x06"}
_CLOSE = {"(": "\x05", r"\left( ": "\x07"}
_CLOSERS = (")", r" \right)")


def conditional(plain: str, negative: str) -> str:
    r"""Return a line with holes in which brackets say when they stand.

    Args:
        plain: the line with no number negative.
        negative: the line with every number negative, a minus before each hole.

    Example:
        >>> conditional("\x01p\x02 + \x01q\x02", "-\x01p\x02 + (-\x01q\x02)")
        '\x01p\x02 + \x04\x01q\x02\x05'
    """
    sure = _PIECE.findall(plain)
    found: list[str] = []
    opened: list[str] = []
    at = 0
    for piece in _PIECE.findall(negative):
        here = sure[at] if at < len(sure) else ""
        if piece == "-" and here != "-":
            continue
        if piece in _OPEN and here != piece:
            opened.append(_CLOSE[piece])
            found.append(_OPEN[piece])
            continue
        if piece in _OPEN:
            opened.append("")
        elif piece in _CLOSERS and (closer := opened.pop()):
            found.append(closer)
            continue
        assert here == piece, (plain, negative)
        found.append(piece)
        at += 1
    return "".join(found)


class LineWriter:
    """Writes lines and sentences of one notation.

    Args:
        notation: how symbols are spelled.
        most: a sum of more terms than this is elided where its numbers stand.
    """

    def __init__(self, notation: Notation, *, most: int = 4) -> None:
        self.notation = notation
        self.most = most
        self.writer = PageWriter(notation)
        self.among = PageWriter(notation, AMONG_WORDS)
        self.numbers = [_writer_of_holes(notation, sign) for sign in ("", "-")]

    def line(self, sides: tuple[Expr, ...], target: Ref | None, *, numbered: bool = True) -> dict[str, Any]:
        """Return a line: its sides, and its last side with holes for numbers."""
        found: dict[str, Any] = {"sides": line_sides(self.writer, Formula(sides, target))}
        if numbered:
            last = write_out(sides[-1], most=self.most)
            found["put"] = conditional(*(writer.write(last) for writer in self.numbers))
        return found

    def words(self, words: Words) -> list[Any]:
        """Return a sentence: texts, and formulas as `{"tex": …}`."""
        return [
            part if isinstance(part, str) else {"tex": " = ".join(self.among.line(part.sides, part.target))}
            for part in words
        ]

    def symbol(self, ref: Ref) -> str:
        """Return a symbol's LaTeX, without marks."""
        return _WORD.sub(r"\\mathit{\1}", self.writer.bare.write(ref))

    def expression(self, expr: Expr) -> str:
        """Return an expression's LaTeX, without marks."""
        return _WORD.sub(r"\\mathit{\1}", self.writer.bare.write(expr))
