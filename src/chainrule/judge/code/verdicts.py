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
from chainrule.judge.code.search import Explanation, Found, difference
from chainrule.judge.code.wording import Wording
from chainrule.judge.report import Verdict
from chainrule.network import Network

Array = NDArray[Any]

IMPRECISE = 1e-3
"""A gradient that no mistake explains and that is no further off than this is called imprecise."""


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

    def parameter(self, name: str) -> Parameter:
        """Return what is said of one parameter."""
        own = f"d{name}"
        first = self.shapes[0][name]
        shape = self.layout.shape(self._right[0][name].shape)
        blamed = self.explanation.blamed.get(name, ())
        places = [self._of(found) for found in blamed]
        mine = [place for place, found in zip(places, blamed, strict=True) if found.slip.name == own]
        if first.kind:
            mine.append(self._add(first.kind, own, dict(first.facts or {}), (name,)))
        elif not self._finite(name):
            mine.append(self._add("not_a_number", own, {"count": self._holes(name)}, (name,)))
        elif name in self.explanation.nameless:
            imprecise = self._difference(name) <= IMPRECISE
            facts: dict[str, object] = {"difference": f"{self._difference(name):.1g}"}
            mine.append(self._add("imprecise" if imprecise else "unknown", own, facts, (name,)))
        elif name in self.edges and (extra := self._outside(name)):
            mine.append(self._add("no_edges", own, {"count": extra}, (name,)))
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

    def _evidence(self, name: str) -> Evidence | None:
        """Return the largest difference on the first batch that shows one."""
        mask = self.masks.get(name, np.ones(()))
        arrays = [(array * mask, right * mask, flow) for array, right, flow in self._arrays(name)]
        if not arrays:
            return None
        array, right, flow = next((one for one in arrays if difference(one[0], one[1]) > self.tolerance), arrays[0])
        gap = np.where(np.isfinite(array), np.abs(array - right), np.inf)
        at = tuple(int(part) for part in np.unravel_index(int(np.argmax(gap)), gap.shape))
        turned = len(at) == 2 and self.layout.weights == "out_in"
        return Evidence(difference(array, right), _ratio(array, right), at[::-1] if turned else at,
                        float(array[at]), float(right[at]), flow.samples, flow.seed)  # fmt: skip


def _ratio(array: Array, right: Array) -> float | None:
    """Return the one number that every entry is multiplied with, or None."""
    there = np.abs(right) > 1e-9 * np.abs(right).max(initial=0)
    if not there.any() or not np.isfinite(array).all() or np.abs(array[~there]).max(initial=0) > 1e-9:
        return None
    ratios = array[there] / right[there]
    return (
        float(ratios.mean()) if np.abs(ratios - ratios.mean()).max() <= 1e-6 * np.abs(ratios).max(initial=0) else None
    )
