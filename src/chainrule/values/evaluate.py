"""`evaluate` and `Values`: a network with numbers in it, each number under the name that it has on the page."""

from __future__ import annotations

import itertools
from collections.abc import ItemsView, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.derive import Derivation, derive
from chainrule.errors import ChainruleError, SelectionError
from chainrule.expr import Dim, Expr, Ref, Symbol
from chainrule.figure.spelling import Named, parse_symbol, spell_matrix
from chainrule.notation import plain
from chainrule.program import build
from chainrule.values.contract import Key, Store
from chainrule.values.given import Seed, gather
from chainrule.values.number import Reader
from chainrule.values.plan import compile_program, symbol_key

if TYPE_CHECKING:
    from chainrule.network import Network

Array = NDArray[np.float64]

Place = tuple[int | slice, ...]


def evaluate(
    net: Network,
    *,
    weights: Mapping[str, Any] | None = None,
    biases: Mapping[str, Any] | None = None,
    inputs: Any = None,
    targets: Any = None,
    seed: int | None = None,
) -> Values:
    """Return the number of every symbol and of every partial of a network.

    Each number comes from the arguments, else from the sheet (`net.given`), else it is drawn with the seed.

    Args:
        net: the figure.
        weights: numbers by name: `W_2`, an array of shape (in, out) with W_l[j, i] = w_ij^l; a skip connection's
            `W_3,1`; one weight, `w_11^2`. Where the figure has no edge a matrix holds 0. Biases may stand here too.
        biases: numbers by name: `b_1`, an array of shape (units,); one bias, `b_2^1`.
        inputs: an array of shape (N, inputs), a row a sample; (inputs,) for one sample.
        targets: an array of shape (N, outputs); (outputs,) for one sample; (N,) or one number where a target is one
            number. A loss by class index takes class numbers from 1 to the number of outputs, hinge −1 and 1, a
            binary cross-entropy 0 to 1, softmax with cross-entropy rows that add up to 1.
        seed: a whole number, 0 or more; 0 where left out. `Values.seed` says what was drawn with it.

    Raises:
        DataError: where a shape or a number does not fit; `Problems` where several do not.

    Example:
        >>> from chainrule import Network
        >>> values = evaluate(Network.read("2-1"), weights={"W_1": [[0.5], [-1.0]]}, inputs=[1, 2], targets=1)
        >>> values.symbols["pred"], values["loss"], values.partials["w_12^1"]
        (-1.5, 3.125, -5.0)
        >>> values.partial("W_1").tolist()
        [[-2.5], [-5.0]]
    """
    numbers, drawn = gather(net, weights=weights, biases=biases, inputs=inputs, targets=targets, seed=seed)
    derivation = derive(build(net, samples=len(numbers["X"])))
    source = derivation.source
    store: Store = {}
    for symbol in (*source.parameters, *source.data):
        name = array_name(symbol)
        # W_l[j, i] = w_ij^l: a weight's axes are (to, from), those of its matrix (from, to).
        store[symbol_key(symbol)] = numbers[name].T if symbol.kind == "w" else numbers[name]
    with np.errstate(all="ignore"):
        for _, run in compile_program(derivation.program):
            run(store)
    return Values(net, derivation, drawn, numbers, store)


def array_name(symbol: Symbol) -> str:
    """Return what the array that gathers a symbol is called: W_3,1, b_1, X, Z_2, A_1, pred, true, loss."""
    if symbol.kind == "w":
        assert symbol.layer is not None and symbol.source is not None
        return spell_matrix(symbol.layer, symbol.source)
    if symbol.layer is None:
        return "X" if symbol.kind == "x" else symbol.kind
    return f"{symbol.kind if symbol.kind == 'b' else symbol.kind.upper()}_{symbol.layer}"


@dataclass(frozen=True, eq=False)
class Values:
    """The number of every symbol and of every partial, by name.

    `values[name]` is a number where the name means one (`w_11^2`, `x_0`, `a_1^1[3]`, `loss`), an array where it means
    more: `W_2` (in, out), `b_1` (units,), `X`, `Z_2`, `A_1`, `pred`, `true` with a row for each sample; `a_1^1` without
    a sample is an array over samples where there are several. `values.partial(name)` is ∂loss/∂name, of the same shape.
    The arrays are read-only.

    Attributes:
        network: the figure.
        derivation: its Derivation for this number of samples, whose formulas gave the numbers.
        seed: the seed, and what was drawn with it.

    Example:
        >>> from chainrule import Network
        >>> values = Network.read("2-3-2-1").values(inputs=[[1, 2], [3, 4]], targets=[0, 1])
        >>> values["W_1"].shape, values["A_1"].shape, values.partial("W_1").shape
        ((2, 3), (2, 3), (2, 3))
        >>> values.seed
        Seed(number=0, drawn=('W_1', 'W_2', 'W_3'))
        >>> values.symbols["x_0[2]"], len(values.partials)
        (3.0, 40)
    """

    network: Network
    derivation: Derivation = field(repr=False)
    seed: Seed
    _numbers: Mapping[str, Array] = field(repr=False)
    _store: Store = field(repr=False)

    @property
    def samples(self) -> int:
        """The number of samples."""
        return len(self._numbers["X"])

    def __getitem__(self, name: str) -> Any:
        """Return the number or the array that a name means.

        Raises:
            SelectionError: where the network has nothing of that name.
        """
        symbol, place = self._find(name)
        if symbol.kind == "w":
            return _item(self._numbers[array_name(symbol)].T, place, symbol)
        return _item(self._store[symbol_key(symbol)], place, symbol)

    def partial(self, name: str) -> Any:
        """Return ∂loss/∂name: a number, or an array of the shape of what is named.

        Of tied weights each has the derivative by the one number that they are; where there is no edge, there is 0.

        Raises:
            SelectionError: where the network has nothing of that name, or the loss is not differentiated by it (true).
        """
        symbol, place = self._find(name)
        if symbol.kind == "loss":
            return 1.0
        array = self._partials.get(symbol_key(symbol))
        if array is None:
            raise SelectionError("select_symbol", read=name, known=self._known(self._partial_symbols))
        return _item(array, place, symbol)

    @cached_property
    def symbols(self) -> Mapping[str, float]:
        """The number of every symbol by its plain spelling, made when asked for; of several samples, `a_1^1[3]`."""
        arrays = {symbol_key(s): self._array(s) for s in self._symbols}
        return Numbers(self, self._symbols, arrays)

    @cached_property
    def partials(self) -> Mapping[str, float]:
        """The number of ∂loss/∂s by the plain spelling of s, made when asked for."""
        return Numbers(self, self._partial_symbols, self._partials)

    def number(self, expr: Expr) -> float:
        """Return the number of an expression whose free indices are fixed: what a line shows.

        Args:
            expr: index notation. ∂loss/∂s is looked up; any other ∂q/∂s is the local derivative of q's own statement.

        Example:
            >>> from chainrule import Network
            >>> values = Network.read("2-3-2-1").values()
            >>> step = values.derivation["w_11^2"]
            >>> values.number(step.chain) == values.number(step.expanded) == values.partials["w_11^2"]
            True
        """
        return self._reader.number(expr)

    def matrix(self, symbol: Symbol) -> Array:
        """Return the array of a symbol as the page lays it out: (in, out) for weights, a row for each sample."""
        array = self._array(symbol)
        return array.T if symbol.kind == "w" else array

    def matrix_partial(self, symbol: Symbol) -> Array:
        """Return ∂loss/∂symbol, laid out as `matrix`."""
        array = self._partials[symbol_key(symbol)]
        return array.T if symbol.kind == "w" else array

    # What the doors above stand on.

    def _array(self, symbol: Symbol) -> Array:
        """Return the array of a symbol, its axes in the order of its indices."""
        return self._numbers[array_name(symbol)].T if symbol.kind == "w" else self._store[symbol_key(symbol)]

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.derivation, self._store, self.samples)

    @cached_property
    def _symbols(self) -> tuple[Symbol, ...]:
        """Every symbol: the inputs, weights and biases, what is computed from them, and targets and loss last."""
        source = self.derivation.source
        computed = dict.fromkeys(s.target.symbol for s in source.statements if isinstance(s.target, Ref))
        x, true = source.data
        loss = next(symbol for symbol in computed if symbol.kind == "loss")
        return (x, *self._parameters, *(s for s in computed if s is not loss), true, loss)

    @cached_property
    def _parameters(self) -> tuple[Symbol, ...]:
        """The weights and biases as the figure draws them: with support where there are edges, tied or not."""
        own = {symbol_key(s): s for s in self.derivation.source.parameters}
        if not self.network.ties:
            return tuple(own.values())
        dims = [Dim(f"layer {level}", self.network.size(level)) for level in range(self.network.depth + 1)]
        found = []
        for level, layer in enumerate(self.network.layers, start=1):
            for c in sorted((c for c in self.network.connections if c.target == level), key=lambda c: -c.source):
                edges = None if c.edges is None else frozenset(c.edges)
                found.append(Symbol("w", (dims[level], dims[c.source]), level, c.source, edges))
            if any(layer.bias):
                found.append(own["b", level, None])
        return tuple(found)

    @cached_property
    def _partial_symbols(self) -> tuple[Symbol, ...]:
        """What the loss is differentiated by, from the loss back."""
        drawn = {symbol_key(s): s for s in self._parameters}
        derived = dict.fromkeys(drawn.get(symbol_key(s), s) for s in self.derivation.of)
        return (*derived, *(s for s in drawn.values() if s not in derived))

    @cached_property
    def _partials(self) -> Mapping[Key, Array]:
        """The partials by their symbol's key; tied weights filled in."""
        root = self.derivation.source.root
        found = {symbol_key(s): self._store.get((root, symbol_key(s))) for s in self._partial_symbols}
        arrays = {k: np.zeros(self._numbers_of(k)) if a is None else a for k, a in found.items()}
        for group in self.network.ties:
            first = group[0]
            value = arrays["w", first.target, first.source][first.to - 1, first.origin - 1]
            for weight in group[1:]:
                own: Key = ("w", weight.target, weight.source)
                if found[own] is arrays[own]:  # not the evaluation's own array
                    arrays[own] = arrays[own].copy()
                arrays[own][weight.to - 1, weight.origin - 1] = value
        return arrays

    def _numbers_of(self, own: Key) -> tuple[int, ...]:
        return next(self._array(s).shape for s in self._parameters if symbol_key(s) == own)

    def _find(self, name: str) -> tuple[Symbol, Place]:
        """Return the symbol that a name means, and the place in its array."""
        named = parse_symbol(name)
        kind = named.kind.lower() if named.kind in "WXZA" else named.kind
        matches = [s for s in self._symbols if s.kind == kind and (s.layer, s.source) == _levels(named)]
        if not matches:
            raise SelectionError("select_symbol", read=name, known=self._known(self._symbols))
        (symbol,) = matches
        shift = 0 if kind == "x" else 1
        sampled = bool(symbol.dims) and symbol.dims[0].name == "samples"
        units = tuple(subscript - shift for subscript in named.subscripts)
        dims = symbol.dims[1:] if sampled else symbol.dims
        if units and (
            len(units) != len(dims) or any(not 0 <= at < (dim.size or 0) for at, dim in zip(units, dims, strict=True))
        ):
            raise SelectionError("select_unit", read=name, known=self._known((symbol,)))
        if units and symbol.support is not None and named.subscripts not in symbol.support:
            raise SelectionError("select_edge", read=name, known=self._known((symbol,)))
        if named.sample is None:
            # One sample is not written; the whole array is meant where nothing says which unit.
            first: Place = (slice(None),) if not units or self.samples > 1 else (0,)
            return symbol, (*first, *units) if sampled else units
        if not sampled or named.sample > self.samples:
            raise SelectionError("select_sample", read=name, size=self.samples)
        return symbol, (named.sample - 1, *(units or ((0,) if dims and dims[0].size == 1 else ())))

    def _known(self, symbols: tuple[Symbol, ...]) -> str:
        """Return the names there are, the first and last of each symbol."""
        parts = []
        for symbol in symbols:
            first, last = next(places(symbol)), _last(symbol)
            parts.append(plain(first) if first == last else f"{plain(first)} … {plain(last)}")
        return ", ".join(parts if len(parts) <= 12 else [*parts[:9], "…", *parts[-2:]])


def _levels(named: Named) -> tuple[int | None, int | None]:
    return named.layer, named.source if named.kind in "wW" else None


def _item(array: Array, place: Place, symbol: Symbol) -> Any:
    """Return a number as a float, a whole array as a read-only view in the layout of the page."""
    found = array[place] if place else array.T if symbol.kind == "w" else array
    if np.ndim(found) == 0:
        return float(found)
    view = found.view()
    view.flags.writeable = False
    return view


def places(symbol: Symbol) -> Iterator[Ref]:
    """Yield a symbol at each of its places: those of its support, by sample and then in the order of its indices."""
    ranges = (range(1, (dim.size or 0) + 1) for dim in symbol.dims)
    for place in itertools.product(*ranges) if symbol.support is None else sorted(symbol.support):
        yield Ref(symbol, place)


def _last(symbol: Symbol) -> Ref:
    if symbol.support is not None:
        return Ref(symbol, max(symbol.support))
    return Ref(symbol, tuple(dim.size or 0 for dim in symbol.dims))


class Numbers(Mapping[str, float]):
    """Numbers by plain spelling, read from arrays when asked for; it holds none of its own."""

    def __init__(self, values: Values, symbols: tuple[Symbol, ...], arrays: Mapping[Key, Array]) -> None:
        self._values = values
        self._of = symbols
        self._arrays = arrays

    def __getitem__(self, name: str) -> float:
        try:
            symbol, place = self._values._find(name)
        except ChainruleError:
            raise KeyError(name) from None
        if symbol.kind in ("pred", "true") and any(isinstance(part, slice) for part in place):
            # `pred` is one number where there is one output and one sample, as the page writes it.
            place = (0,) * len(symbol.dims) if all(dim.size == 1 for dim in symbol.dims) else place
        array = self._arrays.get(symbol_key(symbol))
        if array is None or len(place) < array.ndim or any(isinstance(part, slice) for part in place):
            raise KeyError(name)
        return float(array[place])

    def __len__(self) -> int:
        return sum(self._arrays[symbol_key(s)].size if s.support is None else len(s.support) for s in self._of)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.items())

    def items(self) -> ItemsView[str, float]:
        """Return the names and numbers, read straight from the arrays."""
        return _Items(self)

    def pairs(self) -> Iterator[tuple[str, float]]:
        """Yield each name with its number."""
        for symbol in self._of:
            array = self._arrays[symbol_key(symbol)]
            if symbol.support is None:
                yield from zip(map(plain, places(symbol)), array.ravel().tolist(), strict=True)
            else:
                for ref in places(symbol):
                    yield plain(ref), float(array[tuple(at - 1 for at in ref.indices if isinstance(at, int))])

    def __repr__(self) -> str:
        shown = ", ".join(f"{name!r}: {number!r}" for name, number in itertools.islice(self.pairs(), 6))
        return f"{{{shown}{', …' if len(self) > 6 else ''}}}"


class _Items(ItemsView[str, float]):
    """Names and numbers, without looking each name up."""

    _mapping: Numbers

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return self._mapping.pairs()
