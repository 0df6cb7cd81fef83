"""From an explanation to verdicts: which parameter is right, which mistake makes which wrong, and the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.judge.code.flow import Flow
from chainrule.judge.code.layouts import Layout
from chainrule.judge.code.report import Evidence, Mistake, Parameter, Remark
from chainrule.judge.code.returned import Shaped
from chainrule.judge.code.search import IMPRECISE, Explanation, Found, difference
from chainrule.judge.code.wording import Wording
from chainrule.judge.report import Verdict
from chainrule.network import Network, Weight

Array = NDArray[Any]


def verdicts(
    net: Network,
    flows: Sequence[Flow],
    shapes: Sequence[Mapping[str, Shaped]],
    explanation: Explanation,
    layout: Layout,
    masks: Mapping[str, Array],
    edges: Mapping[str, Array],
    tolerance: float,
) -> tuple[tuple[Parameter, ...], tuple[Mistake, ...]]:
    """Return what is said of each parameter, in the network's order, and the mistakes, from the loss back."""
    court = _Court(net, flows, shapes, explanation, layout, masks, edges, tolerance)
    parameters = tuple(court.parameter(name) for name in flows[0].parameters)
    return court.numbered(parameters)


class _Court:
    def __init__(
        self,
        net: Network,
        flows: Sequence[Flow],
        shapes: Sequence[Mapping[str, Shaped]],
        explanation: Explanation,
        layout: Layout,
        masks: Mapping[str, Array],
        edges: Mapping[str, Array],
        tolerance: float,
    ) -> None:
        self.flows = flows
        self.shapes = shapes
        self.explanation = explanation
        self.layout = layout
        self.masks = masks
        self.edges = edges
        self.tolerance = tolerance
        self.wording = Wording(net)
        self.mistakes: list[Mistake] = []
        self._said: dict[Found, int] = {}
        self._right = [flow.gradients() for flow in flows]
        self._tied: dict[str, list[tuple[Weight, Weight]]] = {}
        for group in net.ties:
            for weight in group[1:]:
                self._tied.setdefault(matrix_name(weight), []).append((weight, group[0]))

    def parameter(self, name: str) -> Parameter:
        """Return what is said of one parameter."""
        own = f"d{name}"
        first = self.shapes[0][name]
        shape = self.layout.shape(self._right[0][name].shape)
        blamed = self.explanation.blamed.get(name, ())
        places = [self._of(found) for found in blamed]
        mine = [place for place, found in zip(places, blamed, strict=True) if found.slip.name == own]
        if first.kind:
            other = self._other_product(name) if first.array is None else None
            kind, facts, read = other or (first.kind, dict(first.facts or {}), "")
            mine.append(self._add(kind, own, facts, (name,), read))
        elif not self._finite(name):
            mine.append(self._add("not_a_number", own, {"count": self._holes(name)}, (name,)))
        elif name in self.explanation.nameless:
            imprecise = self._difference(name) <= IMPRECISE
            facts = {"difference": f"{self._difference(name):.1g}"}
            mine.append(self._add("imprecise" if imprecise else "unknown", own, facts, (name,)))
        elif name in self.edges and (extra := self._outside(name)):
            mine.append(self._add("no_edges", own, {"count": extra}, (name,)))
        elif strays := self._strays(name):
            mine.append(self._add("tied", own, {"count": strays}, (name,)))
        if not mine and not places:
            return Parameter(name, Verdict.RIGHT, shape)
        every = tuple(dict.fromkeys([*places, *mine]))
        evidence = self._evidence(name)
        if mine:
            return Parameter(name, Verdict.WRONG, shape, every, None, evidence)
        return Parameter(name, Verdict.CARRIED, shape, every, self.mistakes[places[0]].statement, evidence)

    def numbered(self, parameters: tuple[Parameter, ...]) -> tuple[tuple[Parameter, ...], tuple[Mistake, ...]]:
        """Return both with the mistakes in the order in which they happen."""
        order = [name for name, _ in self._statements()]
        where = {name: place for place, name in enumerate(order)}
        ranked = sorted(range(len(self.mistakes)), key=lambda at: where.get(self.mistakes[at].statement, len(order)))
        new = {old: at for at, old in enumerate(ranked)}
        mistakes = tuple(self.mistakes[at] for at in ranked)
        moved = []
        for p in parameters:
            places = tuple(sorted(new[at] for at in p.mistakes))
            carried = mistakes[places[0]].statement if p.verdict is Verdict.CARRIED else None
            moved.append(Parameter(p.name, p.verdict, p.shape, places, carried, p.evidence))
        return tuple(moved), mistakes

    def _statements(self) -> list[tuple[str, int]]:
        from chainrule.export.pieces import array_name

        return [(array_name(s.target), at) for at, s in enumerate(self.flows[0].statements)]

    # Mistakes

    def _of(self, found: Found) -> int:
        if found not in self._said:
            slip, law = found.slip, found.law
            reached = tuple(n for n, mine in self.explanation.blamed.items() if found in mine)
            facts = dict(slip.facts)
            if law is not None:
                facts.update(factor=law.factor, ratio=law.ratio)
            kind = law.kind if law is not None else slip.kind
            self._said[found] = self._add(kind, slip.name, facts, reached, self.wording.read(found))
        return self._said[found]

    def _add(
        self, kind: str, statement: str, facts: dict[str, object], parameters: tuple[str, ...], read: str = ""
    ) -> int:
        message = Remark(f"mistake.{kind}.say", {"name": statement, **facts})
        right = self.wording.right(statement)
        self.mistakes.append(Mistake(kind, statement, message, right, read, parameters))
        return len(self.mistakes) - 1

    def _other_product(self, name: str) -> tuple[str, dict[str, object], str] | None:
        """Return the mistake of a gradient of another shape that other arrays of the network give, or None."""
        flow, raw = self.flows[0], self.shapes[0][name].raw
        if raw is None:
            return None
        symbol = flow.parameters[name]
        behind = "pred" if f"Z_{symbol.layer}" not in flow.numbers else f"Z_{symbol.layer}"
        before = "X" if symbol.source == 0 else f"A_{symbol.source}"
        inputs = {n: array for n, array in flow.numbers.items() if n[0] in "XZAp" and array.ndim == 2}
        for delta in inputs:
            right = flow.partial(delta)
            if right is None:
                continue
            if name.startswith("b"):
                if delta != behind and self._same(raw.reshape(-1), right.sum(axis=0)):
                    return self._other({f"d{delta}": f"d{behind}"}, f"d{name} = d{delta}.sum(axis=0)")
                continue
            for used, array in inputs.items():
                product = array.T @ right
                if self._same(raw, product.T if self.layout.weights == "out_in" else product):
                    pairs = {a: b for a, b in ((used, before), (f"d{delta}", f"d{behind}")) if a != b}
                    return self._other(pairs, f"d{name} = {used}.T @ d{delta}")
        return None

    def _same(self, one: Array, other: Array) -> bool:
        return one.shape == other.shape and difference(one, other) <= self.tolerance

    @staticmethod
    def _other(pairs: dict[str, str], read: str) -> tuple[str, dict[str, object], str]:
        facts: dict[str, object] = {"read": ", ".join(pairs), "expected": ", ".join(pairs.values())}
        return "wrong_symbol", facts, read

    # Numbers

    def _arrays(self, name: str) -> list[tuple[Array, Array, Flow]]:
        """Return what was returned and what is right, of the same shape, for each batch."""
        found = []
        for flow, shapes, right in zip(self.flows, self.shapes, self._right, strict=True):
            array = shapes[name].array
            if array is not None:
                found.append((array, right[name], flow))
        return found

    def _finite(self, name: str) -> bool:
        return all(np.isfinite(array).all() for array, _, _ in self._arrays(name))

    def _holes(self, name: str) -> int:
        return sum(int((~np.isfinite(array)).sum()) for array, _, _ in self._arrays(name)[:1])

    def _difference(self, name: str) -> float:
        mask = self.masks.get(name, np.ones(()))
        return max((difference(array * mask, right * mask) for array, right, _ in self._arrays(name)), default=np.inf)

    def _outside(self, name: str) -> int:
        """Return how many numbers stand where the figure has no edge, or no bias."""
        mask = self.edges[name]
        array, right, _ = self._arrays(name)[0]
        return int(((np.abs(array) > self.tolerance * np.abs(right).max(initial=0)) & (mask == 0)).sum())

    def _strays(self, name: str) -> int:
        """Return how many numbers stand for weights that are tied to others, and are neither 0 nor those of these.

        Such a weight is one number with the first of its group, whose gradient is that of all of them.
        """
        array, right, _ = self._arrays(name)[0]
        size = self.tolerance * max(float(np.abs(right).max(initial=0)), float(np.abs(array).max(initial=0)))
        count = 0
        for weight, chief in self._tied.get(name, ()):
            value = array[weight.origin - 1, weight.to - 1]
            whole = self._right[0][matrix_name(chief)][chief.origin - 1, chief.to - 1]
            count += bool(abs(value) > size and abs(value - whole) > size)
        return count

    def _evidence(self, name: str) -> Evidence | None:
        """Return the largest difference on the first batch that shows one."""
        mask = self.masks.get(name, np.ones(()))
        arrays = [(array * mask, right * mask, flow) for array, right, flow in self._arrays(name)]
        found = next((one for one in arrays if difference(one[0], one[1]) > self.tolerance), None)
        if found is None:  # nothing but the shape is wrong
            return None
        array, right, flow = found
        gap = np.where(np.isfinite(array), np.abs(array - right), np.inf)
        at = tuple(int(part) for part in np.unravel_index(int(np.argmax(gap)), gap.shape))
        turned = len(at) == 2 and self.layout.weights == "out_in"
        return Evidence(difference(array, right), _ratio(array, right), at[::-1] if turned else at,
                        float(array[at]), float(right[at]), flow.samples, flow.seed)  # fmt: skip


def matrix_name(weight: Weight) -> str:
    """Return what the matrix of a weight is called in code.

    Example:
        >>> matrix_name(Weight(3, 1, 2, 2)), matrix_name(Weight(2, 1, 1, 1))
        ('W_3_1', 'W_2')
    """
    return f"W_{weight.target}" + ("" if weight.source == weight.target - 1 else f"_{weight.source}")


def _ratio(array: Array, right: Array) -> float | None:
    """Return the one number that every entry is multiplied with, or None."""
    there = np.abs(right) > 1e-9 * np.abs(right).max(initial=0)
    if not there.any() or not np.isfinite(array).all() or np.abs(array[~there]).max(initial=0) > 1e-9:
        return None
    ratios = array[there] / right[there]
    return (
        float(ratios.mean()) if np.abs(ratios - ratios.mean()).max() <= 1e-6 * np.abs(ratios).max(initial=0) else None
    )
