"""One function and one network: the ways to call it, the batches, and what comes back, explained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from chainrule.judge.code.compare import TOLERANCE
from chainrule.judge.code.flow import Flow
from chainrule.judge.code.layouts import Arguments, Layout, layouts, short
from chainrule.judge.code.names import Quantities
from chainrule.judge.code.process import SHOWN, Answer, Trouble
from chainrule.judge.code.report import CodeReport, Remark
from chainrule.judge.code.returned import Named, Shaped, named, shaped
from chainrule.judge.code.search import NAMELESS, Explanation, Search
from chainrule.judge.code.signature import Signature, read_signature
from chainrule.judge.code.verdicts import verdicts
from chainrule.network import Network
from chainrule.values.plan import support

Array = NDArray[Any]

SEARCHED = 5.0
"""Seconds that each of two searches for the mistakes may take: for single ones, then for two at once."""
SINGLE = 1e-4
"""How far a gradient of float32 may be off."""
RETURNED = 1 << 30
"""The line that a call has reached which came to its end."""
COMPARED = 3
"""How many layouts are explained, where none makes every gradient right."""


class Caller(Protocol):
    """What calls the function: a `Process`."""

    def call(
        self,
        function: str,
        args: list[dict[str, Any]],
        keywords: list[tuple[str, dict[str, Any]]],
        arrays: list[Array],
        *,
        tensors: bool,
    ) -> Answer:
        """Return what a function returns; see `Process.call`."""


@dataclass(frozen=True)
class Attempt:
    """One way to call the function that gave gradients.

    Attributes:
        layout: how arrays lay.
        container: how the parameters were put together.
        tensors: whether they were PyTorch's.
        right: how many gradients were right on the first batch.
        fitting: how many had the right shape.
    """

    layout: Layout
    container: str
    tensors: bool
    right: int
    fitting: int


@dataclass(frozen=True)
class Judged:
    """One way to call it, tried on all batches.

    Attributes:
        attempt: the way.
        flows: the derivation on each batch.
        shapes: what came back on each batch, as gradients of the page's layout.
        explanation: why they are what they are.
        changed: the arrays that the function changed in place.
        order: how returned gradients were told apart.
        dropped: whether it fails on a single sample.
        single: whether it computes in float32.
    """

    attempt: Attempt
    flows: tuple[Flow, ...]
    shapes: tuple[Mapping[str, Shaped], ...]
    explanation: Explanation
    changed: tuple[str, ...]
    order: str
    dropped: bool
    single: bool

    @property
    def cost(self) -> float:
        """How much is to be assumed, for the shapes too."""
        shapes = self.shapes[0].values()
        odd = sum(bool(shape.kind) for shape in shapes)
        return self.explanation.cost + odd + NAMELESS * sum(not _is_read(shape) for shape in shapes)


class Case:
    """One function and one network.

    Args:
        net: the figure.
        path: the file; it is read, and nothing of it runs.
        function: the function's name, or None to find it.
        seed: what the numbers are drawn with.

    Raises:
        SelectionError: where the function cannot be found, or its arguments are not understood.
    """

    def __init__(self, net: Network, path: Path, function: str | None, seed: int) -> None:
        self.net = net
        self.path = path
        self.seed = seed
        derivation = net.derive(samples=None)
        self.quantities = Quantities.of(derivation, net.depth)
        self.signature: Signature = read_signature(path, function, self.quantities)
        sizes = {net.size(level) for level in range(net.depth + 1)}
        counts = [n for n in range(5, 5 + len(sizes) + 2) if n not in sizes]
        # Numbers of samples that no layer has units: a matrix that lies the wrong way does not fit by chance.
        self.counts = (counts[0], counts[1])
        self._flows: dict[tuple[int, int], Flow] = {}
        first = self.flow(self.counts[0])
        self.page = {name: array.shape for name, array in first.gradients().items()}
        numbers = sum(array.size for array in first.numbers.values())
        self.most = 1000 + 20 * numbers * self.counts[0]
        self.masks = {
            name: support(symbol).T if symbol.kind == "w" else support(symbol)
            for name, symbol in first.parameters.items() if symbol.support is not None
        }  # fmt: skip

    @property
    def facts(self) -> dict[str, object]:
        """What every error may tell."""
        return {"source": self.path.name, "function": self.signature.function}

    def judge(self, process: Caller) -> Judged:
        """Return what the function gives, called in the way that explains it best.

        Raises:
            Trouble: where it gives no gradients.
        """
        with np.errstate(all="ignore"):  # what a function returns may be inf or nan, which are equal to nothing
            judged = [self.on_all_batches(process, attempt) for attempt in self.attempts(process)]
            best = min(judged, key=lambda one: one.cost)
            if best.explanation.open:
                search = self._search(best.flows, best.shapes, single=best.single)
                other = search.imprecise() or search.run(pairs=True)
                if not other.found or other.cost < best.explanation.cost:
                    best = replace(best, explanation=other)
        return best

    def flow(self, samples: int, shift: int = 0) -> Flow:
        """Return the derivation on a batch."""
        if (samples, shift) not in self._flows:
            self._flows[samples, shift] = Flow(self.net, samples, self.seed + shift)
        return self._flows[samples, shift]

    def batches(self, layout: Layout) -> tuple[Flow, ...]:
        """Return the batches that a layout is judged on, the first one first."""
        if layout.samples == "vector":
            return tuple(self.flow(1, shift) for shift in range(6))
        return self.flow(self.counts[0]), self.flow(1), self.flow(self.counts[1], 1)

    # Calling

    def call(
        self, process: Caller, layout: Layout, container: str, tensors: bool, flow: Flow
    ) -> tuple[Named, tuple[str, ...]]:
        """Return the gradients of one call, and what it changed in place."""
        arguments = Arguments(self.signature, self.quantities, layout, container, flow.numbers)
        try:
            answer = process.call(
                self.signature.function, arguments.args, arguments.keywords, arguments.arrays, tensors=tensors
            )
        except Trouble as trouble:
            trouble.facts["shapes"] = arguments.shapes()
            trouble.reached = trouble.reached or RETURNED * (trouble.key == "code_too_large")
            raise
        shapes = {name: layout.shape(page) for name, page in self.page.items()}
        changed = tuple(short(arguments.places[place]) for place in answer.changed)
        try:
            return named(answer, self.signature, self.quantities, shapes), changed
        except Trouble as trouble:
            trouble.reached = RETURNED
            raise

    def attempts(self, process: Caller) -> list[Attempt]:
        """Return the ways to call the function that are worth a closer look: one, where all gradients are right.

        Raises:
            Trouble: where no way gives gradients: that of the way that came furthest.
        """
        trouble: Trouble | None = None
        for container, tensors in self._ways():
            found: list[Attempt] = []
            for layout in layouts(self.net):
                try:
                    attempt = self._attempt(process, layout, container, tensors)
                except Trouble as error:
                    if error.lasting:
                        raise
                    if trouble is None or error.reached > trouble.reached:
                        trouble = error
                    continue
                found.append(attempt)
                if attempt.right == len(self.page):
                    return [attempt]
            if found:
                most = max(attempt.right for attempt in found)
                best = [attempt for attempt in found if attempt.right == most]
                return sorted(best, key=lambda attempt: -attempt.fitting)[:COMPARED]
        assert trouble is not None, "there is one way at least, and it gives gradients or trouble"
        raise trouble

    def _ways(self) -> Iterator[tuple[str, bool]]:
        for container in self.signature.containers:
            for tensors in (True, False) if self.signature.torch else (False,):
                yield container, tensors

    def _attempt(self, process: Caller, layout: Layout, container: str, tensors: bool) -> Attempt:
        flow = self.batches(layout)[0]
        returned, _ = self.call(process, layout, container, tensors, flow)
        shapes = self._shaped(returned.arrays, layout, flow)
        search = self._search([flow], [shapes])
        right = [
            name for name in self.page
            if not shapes[name].kind and _is_read(shapes[name]) and search.fits(name, [flow.gradients()])
        ]  # fmt: skip
        fitting = sum(not shape.kind and shape.array is not None for shape in shapes.values())
        return Attempt(layout, container, tensors, len(right), fitting)

    def _shaped(self, arrays: Mapping[str, Array], layout: Layout, flow: Flow) -> dict[str, Shaped]:
        return {
            name: shaped(name, arrays[name], page, layout, flow.samples)
            if name in arrays
            else Shaped(None, "missing", {})
            for name, page in self.page.items()
        }  # fmt: skip

    def _search(self, flows: Sequence[Flow], shapes: Sequence[Mapping[str, Shaped]], *, single: bool = False) -> Search:
        given = [
            {
                name: np.zeros(self.page[name]) if s.array is None or not _is_read(s) else s.array
                for name, s in found.items()
            }
            for found in shapes
        ]
        unread = {n: np.zeros(p) for n, p in self.page.items() if not all(_is_read(found[n]) for found in shapes)}
        return Search(self.net, flows, given, seconds=SEARCHED, masks={**self.masks, **unread},
                      tolerance=SINGLE if single else TOLERANCE)  # fmt: skip

    def on_all_batches(self, process: Caller, attempt: Attempt) -> Judged:
        """Return what one way to call the function gives on all batches, and why."""
        flows: list[Flow] = []
        returned: list[Mapping[str, Array]] = []
        changed: list[str] = []
        dropped = False
        order = "names"
        for number, flow in enumerate(self.batches(attempt.layout)):
            try:
                found, mine = self.call(process, attempt.layout, attempt.container, attempt.tensors, flow)
            except Trouble as trouble:
                # A function of batches need not take a batch of one.
                if number == 0 or trouble.lasting or flow.samples > 1:
                    raise
                dropped = True
                continue
            flows.append(flow)
            returned.append(found.arrays)
            changed += mine
            order = found.order
        single = any(array.dtype.itemsize < 8 for arrays in returned for array in arrays.values())
        shapes = [self._shaped(arrays, attempt.layout, flow) for arrays, flow in zip(returned, flows, strict=True)]
        # What shape is wrong is told on the first batch: on a single sample it may fit by chance.
        shapes = [shapes[0], *({n: _like(shapes[0][n], s) for n, s in more.items()} for more in shapes[1:])]
        explanation = self._search(flows, shapes, single=single).run()
        return Judged(attempt, tuple(flows), tuple(shapes), explanation,
                      tuple(dict.fromkeys(changed)), order, dropped, single)  # fmt: skip

    # What is said

    def report(self, judged: Judged, printed: str, count: int, seconds: float) -> CodeReport:
        """Return the report."""
        attempt, layout = judged.attempt, judged.attempt.layout
        tolerance = SINGLE if judged.single else TOLERANCE
        with np.errstate(all="ignore"):
            parameters, mistakes = verdicts(
                self.net,
                judged.flows,
                judged.shapes,
                judged.explanation,
                layout,
                self.masks,
                drawn(self.net),
                tolerance,
            )
        reading = [Remark(f"layout.{layout.samples}"), Remark(f"weights.{layout.weights}")]
        if any(name.startswith("b") for name in self.page):
            reading.append(Remark(f"biases.{layout.biases}"))
        if layout.targets != "table":
            reading.append(Remark(f"targets.{layout.targets}"))
        if any(argument.role == "params" for argument in self.signature.arguments):
            reading.append(Remark(f"container.{attempt.container}"))
        if judged.order != "names":
            reading.append(Remark(f"order.{judged.order}"))
        if attempt.tensors:
            reading.append(Remark("tensors"))
        loss = self.net.loss
        reading.append(Remark(f"loss.{loss.samples}", {"loss": str(loss)}))
        notes = []
        if judged.changed:
            notes.append(Remark("note.changed", {"what": ", ".join(judged.changed)}))
        if judged.single:
            notes.append(Remark("note.single", {"tolerance": f"{SINGLE:g}"}))
        if judged.dropped:
            notes.append(Remark("note.one_sample"))
        if count > SHOWN:
            notes.append(Remark("note.printed", {"count": count, "shown": SHOWN}))
        from chainrule.judge.telling import named as spelled_network

        return CodeReport(
            str(self.path), self.signature.function, self.signature.line, spelled_network(self.net), parameters,
            mistakes, tuple(reading), tuple(notes), tuple(flow.samples for flow in judged.flows), self.seed, printed,
            seconds,
        )  # fmt: skip


def drawn(net: Network) -> dict[str, Array]:
    """Return 1 where the figure has an edge or a bias and 0 elsewhere, for those matrices that are not full.

    Example:
        >>> from chainrule import Connection, Layer
        >>> drawn(Network.read("2-1")), list(drawn(Network(2, (Layer(2),), (Connection(1, 0, ((1, 1), (2, 2))),))))
        ({}, ['W_1'])
    """
    found = {}
    for c in net.connections:
        if c.edges is not None:
            mask = np.zeros((net.size(c.source), net.size(c.target)))
            for to, origin in c.edges:
                mask[origin - 1, to - 1] = 1.0
            found[f"W_{c.target}" + ("" if c.source == c.target - 1 else f"_{c.source}")] = mask
    for level, layer in enumerate(net.layers, start=1):
        if any(layer.bias) and not all(layer.bias):
            found[f"b_{level}"] = np.array([float(layer.has_bias(unit)) for unit in range(1, layer.size + 1)])
    return found


def _is_read(shape: Shaped) -> bool:
    """Return whether there are numbers to compare; what is wrong with the others is said of each by itself."""
    return shape.array is not None and bool(np.isfinite(shape.array).all())


def _like(first: Shaped, other: Shaped) -> Shaped:
    if first.array is None or (other.array is None and other.kind):
        return Shaped(None, first.kind or other.kind, first.facts or other.facts, other.raw)
    return Shaped(other.array, first.kind, first.facts, other.raw)
