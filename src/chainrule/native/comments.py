"""The lines of a derivation as they stand in comments: the plain text of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.expr import Partial
from chainrule.notation import load
from chainrule.program import Statement
from chainrule.show.forms import TEXT
from chainrule.show.write import Writer

if TYPE_CHECKING:
    from chainrule.native.lower import Lowered


def said(text: str) -> str:
    r"""Return a text as it can stand in a comment of C, whatever is in it: no end of it, no new line, no hidden sign.

    Example:
        >>> said("a */ b\\ ??/c")
        'a * / b⧵ ? ?/c'
    """
    text = " ".join(text.split()).replace("\\", "⧵").replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")
    return "".join(sign if sign.isprintable() else f"<U+{ord(sign):04X}>" for sign in text)


def comment(lowered: Lowered, statement: Statement) -> list[str]:
    """Return the line of a statement: its chain and its value for a partial, target = value otherwise."""
    writer = Writer(TEXT, load("seed"))
    target = writer.write(statement.target)
    value = writer.write(statement.expr)
    if isinstance(statement.target, Partial):
        family = next(f for f in lowered.derivation.families if f.atom == statement.target.by)
        chain = " + ".join(writer.write(link.chain()) for link in family.links)
        if chain not in (target, value):
            return [f"{target} = {chain}", f"{' ' * len(target)} = {value}"]
    return [f"{target} = {value}"]
