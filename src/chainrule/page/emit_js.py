"""Derivation → an ES module that computes every symbol and every partial; the page contains no calculus of its own.

The operations are those of `chainrule.native.lower`: products with parameters, sums of outer products, softmax,
elementwise lines, the loss. Here they become loops over samples and units in JavaScript. The module also has a function
for each local derivative ∂q/∂s of the Derivation, which the page writes on the edges of a path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING

from chainrule.derive import Derivation, Family, Link, owner
from chainrule.expr import Atom, Index, Partial
from chainrule.native import for_any_samples
from chainrule.native.expression import runs
from chainrule.native.looped import strided
from chainrule.native.lower import (
    Assign,
    Column,
    Gathered,
    Loss,
    Lowered,
    Operation,
    Outer,
    Places,
    Product,
    identifier,
    lower,
    unit,
    width,
)
from chainrule.page.script import Scribe
from chainrule.values import numeric

if TYPE_CHECKING:
    from chainrule.network import Network


def emit(what: Derivation | Network) -> str:
    """Return the module's text: `compute(p, x, target, count)` and `locals`.

    Args:
        what: a network, or a Derivation of one.

    Raises:
        ProgramError: where a statement has none of the known shapes.

    Example:
        >>> from chainrule import Network
        >>> [line for line in emit(Network.read("2-1")).splitlines() if line.startswith("export")]
        ['export const locals = [', 'export function compute(p, x, target, count) {']
    """
    return _Module(lower(for_any_samples(what))).text()


@dataclass(frozen=True)
class Local:
    """A local derivative ∂q/∂s, for all values of its indices.

    Attributes:
        family, link: where it comes from.
        indices: its free indices other than the sample, those of s first; in the order of the function's arguments.
    """

    family: Family
    link: Link
    indices: tuple[Index, ...]


def locals_of(derivation: Derivation) -> Iterator[Local]:
    """Yield the local derivatives of a Derivation, in the order of the module's list."""
    for family in derivation.families:
        for link in family.links:
            indices = (*family.indices, *link.sums)
            yield Local(family, link, tuple(i for i in indices if i.dim.name != "samples"))


@dataclass
class _Module:
    """The module under construction."""

    lowered: Lowered
    used: set[str] = field(default_factory=set)
    constants: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        locals_ = [self._local(local) for local in locals_of(self.lowered.derivation)]
        body = self._compute()
        return "\n".join([
            "// Written by chainrule from the derivation of a network.",
            functions(self.used) + "\n".join(f"const {name} = {value};" for value, name in self.constants.items()),
            "export const locals = [", *(f"  {text}," for text in locals_), "];",
            "export function compute(p, x, target, count) {", *(f"  {line}" for line in body), "}", "",
        ])  # fmt: skip

    def _scribe(self, base: str, variables: dict[Index, str]) -> Scribe:
        return Scribe(partial(self._spelled, base), self.used, self._constant, variables, f"{base}count")

    def _spelled(self, base: str, atom: Atom, scribe: Scribe) -> str:
        """Return how a symbol's number is read; `base` stands before the arrays of the computation."""
        ref = owner(atom)
        if ref.symbol.kind == "mask":
            places = ref.symbol.support
            assert places is not None
            listed = ", ".join(f'"{",".join(str(part - 1) for part in place)}"' for place in sorted(places))
            there = self._constant(f"new Set([{listed}])", "edges")
            return f"+{there}.has([{', '.join(scribe.place(t) for t in ref.indices)}].join())"
        if ref.symbol in self.lowered.layout.symbols:
            part = self.lowered.layout.symbols[ref.symbol]
            array = "g" if isinstance(atom, Partial) else "p"
            if ref.symbol.kind == "b":
                return f"{base}{array}[{part.start} + {scribe.place(ref.indices[0])}]"
            to, origin = (scribe.place(term) for term in ref.indices)
            return f"{base}{array}[{part.start} + ({origin}) * {part.shape[1]} + {to}]"
        if ref.symbol.kind == "loss":
            return f"{base}loss"
        term, size = unit(atom), width(atom)
        place = "0" if term is None else scribe.place(term)
        return f"{base}{identifier(atom)}[{'n' if size == 1 else f'n * {size} + {place}'}]"

    def _constant(self, value: str, kind: str) -> str:
        return self.constants.setdefault(value, f"{kind}{len(self.constants) + 1}")

    def _places(self, places: Places) -> str:
        return self._constant(f"[{', '.join(map(str, places.ravel().tolist()))}]", "places")

    # Local derivatives

    def _local(self, local: Local) -> str:
        names = [f"i{position}" for position in range(len(local.indices))]
        scribe = self._scribe("v.", dict(zip(local.indices, names, strict=True)))
        return f"({', '.join(['v', 'n', *names])}) => {scribe.text(local.link.local)}"

    # The computation

    def _compute(self) -> list[str]:
        body = [line for operation in self.lowered.operations for line in self._operation(operation)]
        arrays = {
            identifier(o.target): width(o.target) for o in self.lowered.operations if isinstance(o, Assign | Gathered)
        }
        return [
            *(f"const {name} = new Float64Array(count * {size});" for name, size in arrays.items()),
            f"const g = new Float64Array({self.lowered.layout.size});",
            "let loss = 0;",
            "for (let n = 0; n < count; n++) {", *(f"  {line}" for line in body), "}",
            f"return {{ p, x, target, count, g, loss, {', '.join(arrays)} }};",
        ]  # fmt: skip

    def _operation(self, operation: Operation) -> list[str]:
        match operation:
            case Assign():
                return self._assign(operation)
            case Gathered():
                return self._gathered(operation)
            case Product(target, source, places):
                return self._product(target, source, places)
            case Outer(left, right, places):
                return self._outer(left, right, places)
            case Column(left, places):
                return self._column(left, places)
            case Loss(coefficient, body):
                scribe = self._scribe("", {})
                return [f"loss += {scribe.factor(coefficient)} * {scribe.factor(body)};"]

    def _column(self, left: Atom, places: Places) -> list[str]:
        """Write g[places[u]] += left[u]; consecutive places as one loop."""
        size, name = width(left), identifier(left)
        there = {u: int(at) for u, at in enumerate(places.ravel()) if at >= 0}
        place = "n" if size == 1 else f"n * {size} + u"
        lines = []
        for start, stop in runs(tuple(u + 1 for u in there)):
            straight = all(there[u] - u == there[start] - start for u in range(start, stop))
            for first, last in [(start, stop)] if straight else [(u, u + 1) for u in range(start, stop)]:
                shift = there[first] - first
                lines.append(f"for (let u = {first}; u < {last}; u++) g[{shift} + u] += {name}[{place}];")
        return lines

    def _assign(self, operation: Assign) -> list[str]:
        term, size = unit(operation.target), width(operation.target)
        values = term.range() if isinstance(term, Index) else (term if isinstance(term, int) else 1,)
        lines = []
        for start, stop in runs(values):
            name = "u" if stop > start + 1 else str(start)
            scribe = self._scribe("", {term: name} if isinstance(term, Index) else {})
            place = "n" if size == 1 else f"n * {size} + {name}"
            line = f"{identifier(operation.target)}[{place}] = {scribe.text(operation.expr)};"
            lines.append(line if name != "u" else f"for (let u = {start}; u < {stop}; u++) {line}")
        return lines

    def _gathered(self, operation: Gathered) -> list[str]:
        size, name = len(operation.index), identifier(operation.target)
        entry = f"(m) => {self._scribe('', {operation.index: 'm'}).text(operation.body)}"
        self.used.add(operation.function)
        if operation.function == "logsumexp":
            return [f"{name}[n] = logsumexp({size}, {entry});"]
        return [f"softmax({name}, n * {size}, {size}, {entry});"]

    def _product(self, target: Atom, source: Atom, places: Places) -> list[str]:
        rows, columns = places.shape
        into, out_of = identifier(target), identifier(source)
        found = strided(places)
        if found is None:
            args = [into, f"n * {columns}", columns, out_of, f"n * {rows}", rows, "p", self._places(places)]
            return [self._called("product_at", args)]
        first, j0, height, u0, across, step_j, step_u = found
        start, source_start = f"n * {columns} + {u0}", f"n * {rows} + {j0}"
        args = [into, start, across, out_of, source_start, height, "p", first, step_j, step_u]
        return [self._called("product", args)]

    def _outer(self, left: Atom, right: Atom, places: Places) -> list[str]:
        rows, columns = places.shape
        one, other = identifier(left), identifier(right)
        found = strided(places)
        if found is None:
            args = ["g", self._places(places), one, f"n * {columns}", columns, other, f"n * {rows}", rows]
            return [self._called("outer_at", args)]
        first, j0, height, u0, across, step_j, step_u = found
        start, other_start = f"n * {columns} + {u0}", f"n * {rows} + {j0}"
        args = ["g", first, step_j, step_u, one, start, across, other, other_start, height]
        return [self._called("outer", args)]

    def _called(self, function: str, args: list[object]) -> str:
        self.used.add(function)
        return f"{function}({', '.join(map(str, args))});"


@cache
def _sections() -> dict[str, tuple[tuple[str, ...], str]]:
    """Return the sections of functions.js: what each needs, and its text."""
    text = files(__package__).joinpath("functions.js").read_text(encoding="utf-8")
    found: dict[str, tuple[tuple[str, ...], str]] = {}
    for section in text.split("//// ")[1:]:
        head, _, body = section.partition("\n")
        name, _, needs = head.partition(":")
        found[name.strip()] = (tuple(needs.split()), body)
    return found


def functions(names: set[str]) -> str:
    """Return the text of functions and of all that they need, each once, in order of need."""
    done: dict[str, str] = {}

    def take(name: str) -> None:
        if name not in done:
            needs, body = _sections()[name]
            for need in needs:
                take(need)
            done[name] = body

    for name in sorted(names):
        take(name)
    if "erfc" in done:
        done = {"coefficients": _coefficients(), **done}
    return "".join(done.values())


def _coefficients() -> str:
    """Return the coefficients of erfc, which stand in `chainrule.values.numeric`."""
    named = {
        "ERF": (numeric.ERF_ABOVE, numeric.ERF_BELOW),
        "MIDDLE": (numeric.ERFC_ABOVE, numeric.ERFC_BELOW),
        "FAR": (numeric.TAIL_ABOVE, numeric.TAIL_BELOW),
    }
    return "".join(
        f"const {name}_{part} = {list(values)!r};\n"
        for name, pair in named.items()
        for part, values in zip(("ABOVE", "BELOW"), pair, strict=True)
    )
