"""Notations: how symbols are spelled, as data.

A notation is a TOML table beside this file: for every kind of symbol its base letter, what stands below and what stands
above, how a sample is marked, which letters indices take, and what ∂loss/∂… is called. Adding one is adding a table.
Spelling only: the structure of a line is `chainrule.show`'s, its meaning the Derivation's.

The *plain* spelling (`w_11^2`, `x_0`, `a_1^1[3]`) is the seed's, whatever notation is shown: it is the name of a
symbol on the command line, in JSON and in TOML. It stands in `chainrule.figure.spelling`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from chainrule.errors import SelectionError
from chainrule.expr import ANY_LAYER, Atom, Index, Lookup, Partial, Ref, Symbol, Term

SLOT = "\x00"
"""An index whose name starts with this is a hole in a template: it is spelled as its name, to be filled per line."""


@dataclass(frozen=True, slots=True)
class Spelled:
    """A symbol's parts, ready for a form to set: base letter by form, below, above, and what follows."""

    base: str
    sub: str = ""
    sup: str = ""
    suffix: str = ""


@dataclass(frozen=True)
class Notation:
    """One way to spell symbols.

    Attributes:
        name: its name on the command line.
        symbols, matrices, adjoints: per kind, the entries of its table.
        free, bound, sample: the letters that indices take.
    """

    name: str
    symbols: Mapping[str, Mapping[str, Any]]
    matrices: Mapping[str, Mapping[str, Any]]
    adjoints: Mapping[str, Mapping[str, Any]]
    free: tuple[str, ...]
    bound: tuple[str, ...]
    sample: str

    def spell(self, ref: Ref, form: str = "text") -> Spelled:
        """Return the parts of a symbol at its indices, for a form (`text`, `latex` or `typst`).

        Example:
            >>> from chainrule.expr import Dim
            >>> w = Symbol("w", (Dim("layer 2", 2), Dim("layer 1", 30)), layer=2, source=1)
            >>> load("seed").spell(Ref(w, (1, 10)))
            Spelled(base='w', sub='1,10', sup='2', suffix='')
        """
        return self._spell(self.symbols[ref.symbol.kind], ref, form)

    def spell_adjoint(self, ref: Ref, form: str = "text") -> Spelled | None:
        """Return the parts of what ∂loss/∂ref is called, or None where it is written as a fraction."""
        entry = self.adjoints.get(ref.symbol.kind)
        return None if entry is None else self._spell({**self.symbols[ref.symbol.kind], **entry}, ref, form)

    def spell_matrix(self, symbol: Symbol, form: str = "text") -> Spelled:
        """Return the parts of the matrix that gathers a symbol."""
        return self._matrix(self.matrices[symbol.kind], symbol, form)

    def spell_matrix_adjoint(self, symbol: Symbol, form: str = "text") -> Spelled | None:
        """Return the parts of what ∂loss/∂matrix is called, or None where it is written as a fraction."""
        entry = self.adjoints.get(symbol.kind)
        if entry is None or "matrix" not in entry:
            return None
        return self._matrix({**self.matrices[symbol.kind], **entry["matrix"]}, symbol, form)

    def _matrix(self, entry: Mapping[str, Any], symbol: Symbol, form: str) -> Spelled:
        level = _level(symbol)
        return Spelled(
            _base(entry, form),
            str(entry.get("sub", "")).replace("{layer}", level),
            str(entry.get("sup", "")).replace("{layer}", level),
        )

    def _spell(self, entry: Mapping[str, Any], ref: Ref, form: str) -> Spelled:
        symbol = ref.symbol
        terms = ref.indices
        sample: Term | None = None
        dims = symbol.dims
        if dims and dims[0].name == "samples":
            sample = terms[0] if dims[0].size != 1 else None
            terms, dims = terms[1:], dims[1:]
        shift = int(entry.get("shift", 0))
        # One output needs no number, as the seed writes pred and true.
        alone = symbol.kind in ("pred", "true") and len(dims) == 1 and dims[0].size == 1
        sub = "" if alone else self.subscripts(terms, shift)
        sup = str(entry.get("sup", "")).replace("{layer}", _level(symbol))
        suffix = ""
        if sample is not None:
            mark = str(entry.get("sample", self.symbols["sample"]["mark"])).replace("{n}", self.term(sample, 0))
            if self.symbols["sample"].get("above"):
                sup += mark
            else:
                suffix = mark
        return Spelled(_base(entry, form), sub, sup, suffix)

    def subscripts(self, terms: tuple[Term, ...], shift: int) -> str:
        """Return indices side by side, set off by a comma where one is longer than a digit or letter."""
        if any(isinstance(term, Index) and term.name.startswith(SLOT) for term in terms):
            return SLOT + ";".join(self._hole(term, shift) for term in terms) + SLOT
        parts = [self.term(term, shift) for term in terms]
        return join_subscripts(parts)

    def _hole(self, term: Term, shift: int) -> str:
        """Return what a template's hole says of one subscript: `#0+1`, a running index and a shift, or letters."""
        if isinstance(term, Index) and term.name.startswith(SLOT):
            return f"#{term.name[1:]}{shift:+d}"
        return self.term(term, shift)

    def term(self, term: Term, shift: int) -> str:
        """Return one index as it is written, with what a notation adds to it (x_{j-1})."""
        if isinstance(term, int):
            return str(term + shift)
        if isinstance(term, Index):
            return term.name if not shift else f"{term.name}{'+' if shift > 0 else '-'}{abs(shift)}"
        assert isinstance(term, Lookup)
        letter = "ρ" if term.axis == 0 else "κ"
        return f"{letter}({','.join(self.term(arg, 0) for arg in term.args)})"


def join_subscripts(parts: list[str]) -> str:
    """Return subscripts as they are written: `11`, but `10,3`.

    Example:
        >>> join_subscripts(["1", "3"]), join_subscripts(["10", "3"])
        ('13', '10,3')
    """
    return "".join(parts) if all(len(part) == 1 for part in parts) else ",".join(parts)


def _base(entry: Mapping[str, Any], form: str) -> str:
    return str(entry.get(form, entry["text"]))


def _level(symbol: Symbol) -> str:
    if symbol.layer is None:
        return ""
    if symbol.layer == ANY_LAYER:
        return "l"
    skips = symbol.source is not None and symbol.source != symbol.layer - 1
    return f"{symbol.layer},{symbol.source}" if skips else str(symbol.layer)


@cache
def load(name: str) -> Notation:
    """Return a notation by its name.

    Raises:
        SelectionError: where there is no such table.
    """
    if name not in names():
        from chainrule.rules import suggest

        raise SelectionError(
            "unknown_notation", read=name, known=", ".join(names()), near=suggest(name, names()) or names()[0]
        )
    table = tomllib.loads(files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))
    letters = table["letters"]
    return Notation(
        name, table["symbols"], table["matrices"], table.get("adjoints", {}),
        tuple(letters["free"]), tuple(letters["bound"]), letters["sample"],
    )  # fmt: skip


@cache
def names() -> tuple[str, ...]:
    """Return the names of all notations, the default one first."""
    found = sorted(f.name[:-5] for f in files(__package__).iterdir() if f.name.endswith(".toml"))
    return ("seed", *(name for name in found if name != "seed"))


def plain(atom: Atom) -> str:
    """Return the plain spelling of a symbol: its name on the command line and in JSON.

    Example:
        >>> from chainrule.expr import Dim
        >>> plain(Ref(Symbol("x", (Dim("samples", 1), Dim("layer 0", 2))), (1, 1)))
        'x_0'
    """
    if isinstance(atom, Partial):
        return f"∂{plain(atom.of)}/∂{plain(atom.by)}"
    s = load("seed").spell(atom)
    return s.base + (f"_{s.sub}" if s.sub else "") + (f"^{s.sup}" if s.sup else "") + s.suffix
