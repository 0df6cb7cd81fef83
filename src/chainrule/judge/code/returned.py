"""What a function returned, as gradients by the parameter's name, in the page's layout."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.judge.code.layouts import Layout, shape_text, short
from chainrule.judge.code.names import Quantities, counts_from_zero, of_gradient
from chainrule.judge.code.process import Answer, Trouble
from chainrule.judge.code.signature import Signature, gradient_names

Array = NDArray[Any]
Node = dict[str, Any]

LISTS = {"w": "weights", "ws": "weights", "b": "biases", "bs": "biases", "weights": "weights", "biases": "biases"}


@dataclass(frozen=True)
class Named:
    """Gradients by the parameter's name, as they were returned.

    Attributes:
        arrays: those that were found.
        order: how they were told apart: `names`, or the order of a plain list: `layers`, `layers_back`, `kinds`, ….
    """

    arrays: Mapping[str, Array]
    order: str


def named(answer: Answer, signature: Signature, quantities: Quantities, shapes: Mapping[str, tuple[int, ...]]) -> Named:
    """Return the gradients in what a function returned.

    Args:
        answer: what it returned.
        signature: how it returns it.
        quantities: what the network has.
        shapes: the shape that each parameter was given in.

    Raises:
        Trouble: where they cannot be told apart.
    """
    return _Reader(answer, signature, quantities, shapes).read(answer.tree)


class _Reader:
    def __init__(
        self, answer: Answer, signature: Signature, quantities: Quantities, shapes: Mapping[str, tuple[int, ...]]
    ) -> None:
        self.arrays = answer.arrays
        self.signature = signature
        self.quantities = quantities
        self.shapes = shapes

    def read(self, tree: Node) -> Named:
        ((kind, value),) = tree.items()
        if kind == "u":
            key = "code_returned_nothing" if value == "NoneType" else "code_returned_other"
            raise Trouble(key, {"read": value, "known": self._known(), "function": self.signature.function})
        if kind == "d":
            return self._mapping([(str(key), node) for key, node in value])
        if kind == "a":
            value = [tree]
        names = self.signature.returned if len(self.signature.returned) == len(value) else ("",) * len(value)
        return self._sequence(value, list(names))

    def _mapping(self, pairs: Sequence[tuple[str, Node]]) -> Named:
        words = [of_gradient(key) for key, _ in pairs]
        from_zero = counts_from_zero(words)
        found: dict[str, Array] = {}
        for word, (key, node) in zip(words, pairs, strict=True):
            name = self.quantities.parameter(word, from_zero=from_zero)
            if name is not None and "a" in node:
                found[name] = self._array(node, name)
            elif word in LISTS and ("l" in node or "t" in node):
                mine = self.quantities.weights if LISTS[word] == "weights" else self.quantities.biases
                found.update(self._all(node, mine))
            elif name is not None:
                raise Trouble("code_returned_not_array", {"what": key, "read": _kind(node)})
        if not found:
            keys = ", ".join(key for key, _ in pairs[:8])
            raise Trouble("code_returned_names", {"read": keys, "known": self._known()})
        return Named(found, "names")

    def _sequence(self, nodes: Sequence[Node], names: list[str]) -> Named:
        """Return the gradients of a tuple or list, in which a loss or other things may stand too."""
        containers = [node for node in nodes if "d" in node]
        if containers and not any(name is not None for name in gradient_names(names, self.quantities)):
            pairs = [(str(key), node) for container in containers for key, node in container["d"]]
            return self._mapping(pairs)
        wanted = len(self.quantities.parameters)
        told = gradient_names(names, self.quantities)
        known = [name for name in told if name is not None]
        if len(set(known)) == len(known) and set(known) == set(self.quantities.parameters):
            pairs_ = zip(told, nodes, strict=True)
            return Named({name: self._array(node, name) for name, node in pairs_ if name is not None}, "names")
        lists = [node for node in nodes if "l" in node or "t" in node]
        if lists and len(lists) == len([n for n in nodes if not self._is_scalar(n)]):
            found = self._lists(lists, names if len(lists) == len(nodes) else [""] * len(lists))
            if found is not None:
                return found
        kept = list(nodes)
        if len(kept) != wanted:  # a loss, before or behind
            kept = [node for node in kept if not self._is_scalar(node)]
        if len(kept) == wanted and all("a" in node for node in kept):
            return self._in_order([self.arrays[node["a"]] for node in kept])
        if len(kept) == 1 and ("l" in kept[0] or "t" in kept[0]):
            ((_, inner),) = kept[0].items()
            return self._sequence(inner, [""] * len(inner))
        for node in kept:
            if "u" in node:
                raise Trouble("code_returned_not_array", {"what": self.signature.function, "read": node["u"]})
        raise Trouble("code_returned_count", {"read": len(kept), "wanted": wanted, "known": self._known()})

    def _is_scalar(self, node: Node) -> bool:
        return "a" in node and self.arrays[node["a"]].ndim == 0

    def _lists(self, lists: Sequence[Node], names: Sequence[str]) -> Named | None:
        """Return the gradients of a list of weights' and one of biases', or of a list of pairs."""
        items = [next(iter(node.values())) for node in lists]
        weights, biases = self.quantities.weights, self.quantities.biases
        if not all("a" in node for nodes in items for node in nodes):
            return None
        if len(items) == 2 and biases and [len(nodes) for nodes in items] == [len(weights), len(biases)]:
            words = [LISTS.get(of_gradient(name), "") for name in names]
            by_name = {"weights": (0, 1), "biases": (1, 0)}.get(words[0])
            order = by_name or ((0, 1) if self._fit(items[0], weights) >= self._fit(items[0], biases) else (1, 0))
            found = dict(zip(weights, map(self._of, items[order[0]]), strict=True))
            return Named({**found, **dict(zip(biases, map(self._of, items[order[1]]), strict=True))}, "lists")
        if len(items) == 1 and len(items[0]) == len(self.quantities.parameters):
            return self._in_order([self._of(node) for node in items[0]])
        rows = [[name for name in self.quantities.parameters if name[2:] == weight[2:]] for weight in weights]
        if len(items) == len(weights) and [len(nodes) for nodes in items] == [len(row) for row in rows]:
            pairs = {}
            for row, nodes in zip(rows, items, strict=True):
                arrays = [self._of(node) for node in nodes]
                if len(row) == 2 and arrays[0].ndim < 2 <= arrays[1].ndim:
                    arrays.reverse()
                pairs.update(dict(zip(row, arrays, strict=True)))
            return Named(pairs, "pairs")
        return None

    def _fit(self, nodes: Sequence[Node], names: Sequence[str]) -> int:
        return sum(self._of(node).shape == self.shapes[name] for node, name in zip(nodes, names, strict=True))

    def _in_order(self, arrays: Sequence[Array]) -> Named:
        """Return gradients that have no names: in the first usual order whose shapes fit best."""
        best = max(self._orders(), key=lambda order: sum(
            array.shape == self.shapes[name] for array, name in zip(arrays, order[1], strict=True)))  # fmt: skip
        return Named(dict(zip(best[1], arrays, strict=True)), best[0])

    def _orders(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        names = self.quantities.parameters
        taken = tuple(a.array for a in self.signature.arguments if a.array in names)
        if len(taken) == len(names):
            yield "arguments", taken
        yield "layers", names
        weights, biases = self.quantities.weights, self.quantities.biases
        yield "kinds", (*weights, *biases)
        back = sorted(names, key=lambda name: (-int(name.split("_")[1]), name[0] == "b"))
        yield "layers_back", tuple(back)
        yield "kinds_back", (*reversed(weights), *reversed(biases))

    def _all(self, node: Node, names: Sequence[str]) -> dict[str, Array]:
        nodes = next(iter(node.values()))
        if len(nodes) != len(names):
            raise Trouble("code_returned_count", {"read": len(nodes), "wanted": len(names), "known": ", ".join(names)})
        return {name: self._array(inner, name) for name, inner in zip(names, nodes, strict=True)}

    def _of(self, node: Node) -> Array:
        array: Array = self.arrays[node["a"]]
        return array

    def _array(self, node: Node, name: str) -> Array:
        if "a" not in node:
            raise Trouble("code_returned_not_array", {"what": f"d{short(name)}", "read": _kind(node)})
        return self._of(node)

    def _known(self) -> str:
        names = [f"d{short(name)}" for name in self.quantities.parameters]
        return ", ".join(names if len(names) <= 6 else [*names[:4], "…", names[-1]])


def _kind(node: Node) -> str:
    ((kind, value),) = node.items()
    return {"u": str(value), "l": "list", "t": "tuple", "d": "dict"}.get(kind, "array")


@dataclass(frozen=True)
class Shaped:
    """A gradient in the page's layout.

    Attributes:
        array: (in, out) or (units,); None where no gradient can be read from it.
        kind: the mistake in its shape, or ''.
        facts: what its sentence tells.
        raw: the array as it was returned; None where there is none.
    """

    array: Array | None
    kind: str = ""
    facts: Mapping[str, object] | None = None
    raw: Array | None = None


def shaped(name: str, array: Array, page: tuple[int, ...], layout: Layout, samples: int) -> Shaped:
    """Return a returned array as the gradient of a parameter, and what is wrong with its shape.

    Args:
        name: the parameter.
        array: what was returned for it.
        page: the parameter's shape on the page: (in, out) or (units,).
        layout: how the function has it.
        samples: how many samples the batch had.

    Example:
        >>> shaped("W_1", np.zeros((3, 2)), (2, 3), Layout(), 5).kind
        'transposed'
        >>> shaped("b_1", np.zeros((5, 3)), (3,), Layout(), 5).kind
        'not_summed'
    """
    expected = layout.shape(page)
    facts = {"read_shape": shape_text(array.shape), "expected_shape": shape_text(expected)}
    fine = _weight(array, expected, samples) if name.startswith("W") else _bias(array, expected, samples)
    kind, found = fine
    if found is not None:
        turned = name.startswith("W") and layout.weights == "out_in"
        found = np.asarray((found.T if turned else found).reshape(page), dtype=np.float64)
    return Shaped(found, kind, facts if kind else None, array)


def _weight(array: Array, expected: tuple[int, ...], samples: int) -> tuple[str, Array | None]:
    if array.shape == expected:
        return "", array
    if array.shape == expected[::-1]:
        return "transposed", array.T
    if array.shape == (samples, *expected):
        return "not_summed", array.sum(axis=0)
    if array.size == math.prod(expected) and [s for s in array.shape if s > 1] == [s for s in expected if s > 1]:
        return "wrong_shape", array.reshape(expected)
    return "wrong_shape", None


def _bias(array: Array, expected: tuple[int, ...], samples: int) -> tuple[str, Array | None]:
    units = math.prod(expected)
    rows = expected in ((units,), (1, units))
    if array.shape == expected or (rows and array.shape in ((units,), (1, units))) or (units == 1 and not array.ndim):
        return "", array.reshape(-1)
    if array.shape == ((samples, units) if rows else (units, samples)):
        return "not_summed", array.sum(axis=0 if rows else 1)
    if array.size == units and sorted(array.shape)[:-1] in ([], [1]):
        return "wrong_shape", array.reshape(-1)
    if array.size == 1:
        return "summed_too_far", None
    if array.size == samples:
        return "wrong_axis", None
    return "wrong_shape", None
