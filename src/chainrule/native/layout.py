"""The flat parameter buffer: which slice is which weight matrix or bias vector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.expr import Symbol
from chainrule.figure.spelling import spell_matrix
from chainrule.values.given import gather

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.program import Program


@dataclass(frozen=True, slots=True)
class Slice:
    """One symbol's place in the buffer.

    Attributes:
        name: W_1, W_3,1 or b_1, as the page and `chainrule.values` name it.
        start, stop: the half-open range of positions.
        shape: (in, out) for weights, with W_l[j, i] = w_ij^l, row after row; (units,) for biases.
    """

    name: str
    start: int
    stop: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """What stands where in the flat buffer of parameters, of gradients and of an optimiser's moments.

    Where the figure has no edge, the position is there but always holds 0. Weights that are tied to another's stand
    only where the first of their group does.

    Attributes:
        slices: in the figure's order, without gaps.
        size: the number of positions.
        network: the figure.
    """

    slices: tuple[Slice, ...]
    size: int
    symbols: Mapping[Symbol, Slice]
    network: Network

    def __iter__(self) -> Iterator[Slice]:
        return iter(self.slices)

    def __getitem__(self, name: str) -> Slice:
        return next(part for part in self.slices if part.name == name)

    @cached_property
    def maps(self) -> Mapping[str, NDArray[np.int64]]:
        """For each matrix and vector of the figure, the position of each entry; −1 where the figure has no edge."""
        net = self.network
        chief = {weight: group[0] for group in net.ties for weight in group}
        by_pair = {(s.layer, s.source): part for s, part in self.symbols.items() if s.kind == "w"}
        found: dict[str, NDArray[np.int64]] = {}
        for c in net.connections:
            found[spell_matrix(c.target, c.source)] = np.full((net.size(c.source), net.size(c.target)), -1, np.int64)
            if not net.ties and c.edges is None:
                part = by_pair[c.target, c.source]
                found[part.name] = np.arange(part.start, part.stop, dtype=np.int64).reshape(part.shape)
        if net.ties or any(c.edges is not None for c in net.connections):
            for weight in net.weights():
                first = chief.get(weight, weight)
                part = by_pair[first.target, first.source]
                at = part.start + (first.origin - 1) * part.shape[1] + first.to - 1
                found[spell_matrix(weight.target, weight.source)][weight.origin - 1, weight.to - 1] = at
        for symbol, part in self.symbols.items():
            if symbol.kind == "b":
                places = np.arange(part.start, part.stop, dtype=np.int64)
                assert symbol.layer is not None
                there = np.array([net.layers[symbol.layer - 1].has_bias(u + 1) for u in range(part.shape[0])])
                found[part.name] = np.where(there, places, -1)
        return found

    def pack(self, arrays: Mapping[str, Any], *, dtype: Any = np.float64) -> NDArray[Any]:
        """Return the flat buffer that holds the arrays `W_1` (in, out), `b_1` (units,) and so on.

        Entries where the figure has no edge are left out; of tied weights the first one counts.
        """
        buffer = np.zeros(self.size, dtype)
        # Backwards, so that the first of a tied group is written last.
        for name, places in reversed(list(self.maps.items())):
            there = places >= 0
            buffer[places[there][::-1]] = np.asarray(arrays[name], dtype)[there][::-1]
        return buffer

    def unpack(self, buffer: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return the arrays that a flat buffer holds, by name, of the shapes that `chainrule.values` gives them."""
        flat = np.asarray(buffer)
        return {
            name: np.where(places >= 0, flat[np.maximum(places, 0)], flat.dtype.type(0))
            for name, places in self.maps.items()
        }

    def draw(self, seed: int = 0, *, dtype: Any = np.float64) -> NDArray[Any]:
        """Return the buffer with what the sheet gives, the rest drawn with the seed as `chainrule.values` draws it."""
        numbers, _ = gather(
            self.network.replace(given=_without_samples(self.network)), weights=None, biases=None, inputs=None,
            targets=None, seed=seed,
        )  # fmt: skip
        return self.pack(numbers, dtype=dtype)


def _without_samples(net: Network) -> Any:
    from dataclasses import replace

    return replace(net.given, inputs=(), targets=())


def layout_of(program: Program) -> Layout:
    """Return the layout of a Program's parameters.

    Example:
        >>> from chainrule import Network
        >>> [(s.name, s.start, s.shape) for s in layout_of(Network.read("2-3-1 --bias").derive().source)]
        [('W_1', 0, (2, 3)), ('b_1', 6, (3,)), ('W_2', 9, (3, 1)), ('b_2', 12, (1,))]
    """
    from chainrule.values.evaluate import array_name

    at = 0
    slices: dict[Symbol, Slice] = {}
    for symbol in program.parameters:
        shape = tuple(dim.size or 0 for dim in reversed(symbol.dims))
        count = int(np.prod(shape))
        slices[symbol] = Slice(array_name(symbol), at, at + count, shape)
        at += count
    assert program.network is not None
    return Layout(tuple(slices.values()), at, slices, program.network)
