"""Plain Unicode text: for terminals, mail and comments in code. Coloured only where the reader is a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chainrule.selection import Elision
from chainrule.show.document import Document, Heading, Paragraph
from chainrule.show.emit import Emitter
from chainrule.show.forms import TEXT
from chainrule.show.write import Writer
from chainrule.width import columns

WIDTH = 100
"""A line longer than this is broken before its = signs, when it is for people to read."""


class TextEmitter(Emitter):
    """Text; with `colour`, kinds of symbols in ANSI colours."""

    def __init__(self, document: Document, *, colour: bool = False, width: int = WIDTH) -> None:
        super().__init__(document)
        self.colour = colour
        self.width = width
        if colour:
            self.form = replace(TEXT, paint=paint)
            self.writer = Writer(self.form, document.notation)

    def heading(self, block: Heading) -> str:
        text = self.words(block.words)
        rule = {1: "═", 2: "─"}.get(block.level, "·") * columns(text)
        return f"\n{self._bold(text)}\n{rule}\n"

    def paragraph(self, block: Paragraph) -> str:
        return ("\n" if block.quiet else "") + _wrapped(self.words(block.words), self.width) + "\n"

    def line(self, parts: Sequence[str], beside: str, name: str) -> str:
        tail = f"    {beside}" if beside else ""
        whole = "  " + " = ".join(parts) + tail
        if columns(whole) <= self.width or len(parts) == 1:
            return whole + "\n"
        pad = " " * (2 + columns(parts[0]))
        return f"  {parts[0]} = {parts[1]}" + "".join(f"\n{pad} = {part}" for part in parts[2:]) + tail + "\n"

    def elision(self, block: Elision) -> str:
        from chainrule.prose import sentence

        return f"  ⋮  {sentence('page.elided', lang=self.document.lang, count=block.count)}\n"

    def _bold(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self.colour else text


_COLOURS = {"w": "33", "b": "33", "x": "32", "pred": "36", "true": "32", "a": "36", "z": "34", "loss": "35"}


def paint(kind: str, text: str) -> str:
    """Return text in the colour of its kind of symbol; a partial keeps the colours of what it names."""
    code = _COLOURS.get(kind)
    return text if code is None or "\x1b" in text else f"\x1b[{code}m{text}\x1b[0m"


def _wrapped(text: str, width: int) -> str:
    """Return text broken at spaces."""
    lines, line = [], ""
    for word in text.split(" "):
        if line and columns(line) + 1 + columns(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])
