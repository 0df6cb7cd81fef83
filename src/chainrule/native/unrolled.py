"""Small networks as straight C: one variable for each unit and each weight, a vector of samples in each variable."""

from __future__ import annotations

from collections.abc import Iterable

from chainrule.algebra import substitute
from chainrule.derive import owner
from chainrule.expr import Atom, Index, Partial, Ref
from chainrule.native.comments import comment
from chainrule.native.expression import Scribe
from chainrule.native.lower import (
    Assign,
    Column,
    Gathered,
    Loss,
    Lowered,
    Operation,
    Outer,
    Product,
    identifier,
    unit,
    width,
)
from chainrule.native.target import Target


class Unrolled:
    """Writes the operations of a network, every index a number.

    Args:
        lowered: the operations.
        target: the number type and the machine.
        parameters: what a parameter is in C: `real`, or `vec` where each lane has a network of its own.
    """

    def __init__(self, lowered: Lowered, target: Target, *, parameters: str = "real") -> None:
        self.parameters = parameters
        self.lowered = lowered
        self.target = target
        self.used: set[str] = set()
        self.parameter_names = parameter_names(lowered)

    def tile(self, want: str) -> str:
        """Return the body that computes a tile of samples: `predict`, `value` or `gradient`."""
        operations = self.lowered.needed(want)
        scribe = Scribe(self.target, self._atom, True, self.used)
        lines: list[str] = []
        said: set[int] = set()
        waiting = list(operations)
        while waiting:
            operation = waiting.pop(0)
            scribe.before = []
            products: list[Product] = []
            if isinstance(operation, Assign):
                while waiting and isinstance(following := waiting[0], Product):
                    products.append(following)
                    waiting.pop(0)
            found = self._operation(scribe, operation, products)
            if id(operation.statement) not in said:
                said.add(id(operation.statement))
                lines += [f"  // {text}" for text in comment(self.lowered, operation.statement)]
            lines += found
        text = "\n".join(lines)
        loads = [
            f"  const vec {name} = data[{at}];"
            for at, name in enumerate([
                *(f"x_{j + 1}" for j in range(self.lowered.inputs)),
                *(f"target_{k + 1}" for k in range(self.lowered.targets)),
            ]) if _mentions(text, name)
        ]  # fmt: skip
        loads += [
            f"  const {self.parameters} {name} = p[{at}];"
            for at, name in enumerate(self.parameter_names)
            if name and _mentions(text, name)
        ]
        return "\n".join([*loads, *lines]) + "\n"

    def _operation(self, scribe: Scribe, operation: Operation, products: list[Product]) -> list[str]:
        match operation:
            case Assign():
                return self._assign(scribe, operation, products)
            case Gathered():
                return self._gathered(scribe, operation)
            case Outer(left, right, places):
                sums: dict[int, list[str]] = {}
                for j in range(places.shape[0]):
                    for u in range(places.shape[1]):
                        if places[j, u] >= 0:
                            sums.setdefault(int(places[j, u]), []).append(
                                f"{_name(left, u + 1)} * {_name(right, j + 1)}"
                            )
                return [f"  sums[{at}] += kept({' + '.join(sums[at])}, ragged, keep);" for at in sorted(sums)]
            case Column(left, places):
                return [
                    f"  sums[{at}] += kept({_name(left, u + 1)}, ragged, keep);"
                    for u, at in enumerate(places.tolist()) if at >= 0
                ]  # fmt: skip
            case Loss(_, body):
                text = scribe.vector(body)
                return [*scribe.before, f"  sums[{self.lowered.layout.size}] += kept({text}, ragged, keep);"]
            case Product():
                raise AssertionError("a product follows what it is added to")

    def _assign(self, scribe: Scribe, operation: Assign, products: list[Product]) -> list[str]:
        lines: list[str] = []
        term = unit(operation.target)
        for value in _values(term):
            expr = operation.expr if not isinstance(term, Index) else substitute(operation.expr, {term: value})
            scribe.before = []
            piece = scribe.write(expr)
            terms = []
            for product in products:
                for j, at in enumerate(product.places[:, value - 1].tolist()):
                    if at >= 0:
                        terms.append(f"{_name(product.source, j + 1)} * {self.parameter_names[at]}")
            if piece.text != self.target.literal(0):
                terms.append(piece.text)
            text = " + ".join(terms) or self.target.literal(0)
            if not terms or (len(terms) == 1 and not piece.vector and terms[0] == piece.text):
                self.used.add("splat")
                text = f"splat({text})"
            lines += [*scribe.before, f"  const vec {_name(operation.target, value)} = {text};"]
        return lines

    def _gathered(self, scribe: Scribe, operation: Gathered) -> list[str]:
        """Write softmax and log-sum-exp, shifted by the largest entry so that nothing overflows."""
        name, count = identifier(operation.target), len(operation.index)
        self.used |= {"v_max", "v_exp", "v_log"}
        parts = []
        lines: list[str] = []
        for value in operation.index.range():
            scribe.before = []
            parts.append(scribe.vector(substitute(operation.body, {operation.index: value})))
            lines += scribe.before
        lines.append(f"  vec {name}_top = {parts[0]};")
        lines += [f"  {name}_top = v_max({name}_top, {part});" for part in parts[1:]]
        lines += [f"  const vec {name}_e{k} = v_exp({part} - {name}_top);" for k, part in enumerate(parts, start=1)]
        total = " + ".join(f"{name}_e{k}" for k in range(1, count + 1))
        if operation.function == "logsumexp":
            return [*lines, f"  const vec {name} = v_log({total}) + {name}_top;"]
        lines.append(f"  const vec {name}_sum = {total};")
        return lines + [f"  const vec {name}_{k} = {name}_e{k} / {name}_sum;" for k in range(1, count + 1)]

    def _atom(self, atom: Atom, scribe: Scribe) -> str:
        if isinstance(atom, Ref) and atom.symbol.kind in ("w", "b"):
            part = self.lowered.layout.symbols[atom.symbol]
            place = [int(scribe.place(term)) for term in atom.indices]
            at = part.start + (place[1] * part.shape[1] + place[0] if len(place) == 2 else place[0])
            return self.parameter_names[at]
        term = unit(atom)
        return identifier(atom) if term is None and width(atom) == 1 and _alone(atom) else _name(atom, term)


def _alone(atom: Atom) -> bool:
    """Return whether an atom has no unit index at all (a target that is a class)."""
    symbol = owner(atom).symbol
    return len(symbol.dims) == 1 and symbol.kind != "true"


def _name(atom: Atom, value: object) -> str:
    if value is None:
        value = 1
    assert isinstance(value, int), f"an index of {identifier(atom)} is left open"
    return f"{identifier(atom)}_{value}"


def _values(term: object) -> Iterable[int]:
    if isinstance(term, Index):
        return term.range()
    return (term,) if isinstance(term, int) else (1,)


def _mentions(text: str, name: str) -> bool:
    import re

    return re.search(rf"\b{name}\b", text) is not None


def parameter_names(lowered: Lowered) -> list[str]:
    """Return a name for each position of the buffer: w1_2_1 for w_21^1, b1_2 for b_2^1; '' where there is no edge."""
    names = [""] * lowered.layout.size
    for symbol, part in lowered.layout.symbols.items():
        own = identifier(Ref(symbol))
        for at in range(part.start, part.stop):
            if symbol.kind == "w":
                origin, to = divmod(at - part.start, part.shape[1])
                place: tuple[int, ...] = (to + 1, origin + 1)
            else:
                place = (at - part.start + 1,)
            if symbol.support is None or place in symbol.support:
                names[at] = "_".join([own, *map(str, place)])
    return names


def is_partial(atom: Atom) -> bool:
    """Return whether an atom is a partial."""
    return isinstance(atom, Partial)
