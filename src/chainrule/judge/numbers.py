"""The arithmetic that a document is judged in: float64 first, many digits where float64 cannot tell.

Two sides l and r with sizes L and R (`chainrule.judge.meaning`) are *equal* where |l − r| ≤ 10⁻¹¹ (L + R) at every
point, *different* where |l − r| ≥ 10⁻⁶ (L + R) at one, and neither in between: then both are computed again with
60 digits, and the bounds are 10⁻⁴⁵ and 10⁻²⁰. Rounding in float64 costs some 10⁻¹⁶ of the size for each operation, so
a right line of less than 10⁴ operations is never called different; a wrong line is called right only where its sides
agree to eleven digits at each of the points, which were drawn without looking at it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.expr import Ref, Symbol
from chainrule.judge import functions
from chainrule.values.numeric import PRIMITIVES

if TYPE_CHECKING:
    from chainrule.judge.meaning import Val
    from chainrule.judge.world import World
    from chainrule.program import Program

Array = np.ndarray[Any, Any]

DIGITS = 60

MOST_PAIRS = 4_000
"""The most entries of ∂A/∂B that are computed with many digits."""


class TooLarge(Exception):
    """A matrix that is too large to be computed with many digits."""


class Sameness(Enum):
    """What two values are to each other."""

    EQUAL = "equal"
    DIFFERENT = "different"
    NEAR = "near"


class Numbers:
    """The quantities of a network in float64, as arrays over the points of a World."""

    equal_within: Any = 1e-11
    different_from: Any = 1e-6

    def __init__(self, world: World) -> None:
        self.world = world
        self.program: Program = world.program
        self.variants: dict[Any, Any] = {}
        """What names could mean with other indices (`chainrule.judge.variants`)."""
        self._constants: dict[Any, Val] = {}

    @property
    def depth(self) -> int:
        """The number of layers."""
        assert self.program.network is not None
        return self.program.network.depth

    one: Any = 1.0

    # Quantities

    def value(self, ref: Ref) -> Array:
        """Return a symbol at its place: (points,)."""
        return self.world.value(ref)

    def partial(self, of: Ref, by: Ref, *, total: bool = False) -> Array:
        """Return ∂of/∂by: (points,)."""
        return self.world.partial(of, by, total=total)

    def matrix(self, symbol: Symbol) -> Array:
        """Return a symbol as a matrix: (points, rows, columns)."""
        return self.world.matrix(symbol)

    def matrix_gradient(self, symbol: Symbol) -> Array:
        """Return ∂loss/∂symbol as a matrix."""
        return self.world.matrix_gradient(symbol)

    def chain(self, levels: tuple[Symbol, ...], *, total: bool = False) -> Array:
        """Return ∂loss/∂A · ∂A/∂B … as a matrix of the last one's shape; see `World.chain`."""
        return self.world.chain(levels, total=total)

    def local_factor(self, of: Symbol, by: Symbol) -> tuple[Array, Symbol | None] | None:
        """Return what stands for ∂of/∂by in a product of matrices, and the symbol whose layout it has.

        Where there is no such symbol, the array is the page's, to be transposed: of Z by W it is A, which stands there
        as Aᵀ.
        """
        net = self.program.network
        assert net is not None
        last = of.kind == "pred" and ("z", net.depth, None) not in self.program.symbols
        level = net.depth if of.kind == "pred" else of.layer
        if of.kind == "z" or last:
            if by.kind == "w" and by.layer == level:
                before = self.program.symbols["x" if by.source == 0 else "a", by.source or None, None]
                return np.swapaxes(self.matrix(before), -1, -2), before
            if (by.kind == "a" or by.kind == "x") and level is not None:
                weight = self.program.symbols.get(("w", level, by.layer or 0))
                return None if weight is None else (np.swapaxes(self.matrix(weight), -1, -2), weight)
            return None
        if by.kind == "z" and level == by.layer:
            return self._elementwise(of, by), of
        return None

    def _elementwise(self, of: Symbol, by: Symbol) -> Array:
        """Return ∂a/∂z, place by place."""
        array = self.matrix(of)
        rows, units = array.shape[1:]
        found = np.empty_like(array)
        for row in range(1, rows + 1):
            for unit in range(1, units + 1):
                found[:, row - 1, unit - 1] = self.partial(Ref(of, (row, unit)), Ref(by, (row, unit)))
        return found

    # Arithmetic

    def constant(self, value: Fraction | float) -> Val:
        """Return a number at every point."""
        found = self._constants.get(value)
        if found is None:
            from chainrule.judge.meaning import Val

            array = np.array([self.number(value)])
            found = Val(array, abs(array))
            if len(self._constants) < 10_000:
                self._constants[value] = found
        return found

    def number(self, value: Fraction | float) -> Any:
        """Return one number of this arithmetic."""
        return float(value)

    def nonzero(self, value: Array) -> bool:
        """Return whether no entry is 0 (or no number at all)."""
        return bool(np.all(value != 0) and np.all(np.isfinite(value)))

    def call(self, name: str, parameter: float | None, slope: bool, value: Array) -> Array:
        """Return a function's value, or its slope, at an array."""
        with np.errstate(all="ignore"):
            return functions.call(name, parameter, slope, value, PRIMITIVES)

    def softmax(self, value: Array, axis: int) -> Array:
        """Return softmax along an axis."""
        grown = self.call("exp", None, False, value - value.max(axis=axis, keepdims=True))
        return np.asarray(grown / grown.sum(axis=axis, keepdims=True))

    def compare(self, left: Val, right: Val) -> Sameness:
        """Return what two numbers, or two matrices of one shape, are to each other."""
        with np.errstate(all="ignore"):
            gap = abs(left.value - right.value)
            size = left.size + right.size
            if (gap <= self.equal_within * size).all():
                return Sameness.EQUAL
            if (gap >= self.different_from * size).any():  # not both 0: that is equal
                far = (gap >= self.different_from * size) & (size > 0)
                if far.any():
                    return Sameness.DIFFERENT
        return Sameness.NEAR

    def equal_points(self, left: Val, right: Val) -> Array:
        """Return, for candidates in the first axis, which are equal at every point."""
        with np.errstate(all="ignore"):
            return np.asarray(
                (abs(left.value - right.value) <= self.equal_within * (left.size + right.size)).all(axis=-1)
            )

    def same(self, left: Val, right: Val) -> bool:
        """Return whether two numbers are equal."""
        return self.compare(left, right) is Sameness.EQUAL

    @cached_property
    def exact(self) -> Numbers:
        """The same with many digits."""
        return _Exact(self.world)


class _Exact(Numbers):
    """The quantities of a network with `DIGITS` digits, as arrays of mpmath's numbers."""

    def __init__(self, world: World) -> None:
        import mpmath

        super().__init__(world)
        mpmath.mp.dps = max(mpmath.mp.dps, DIGITS)
        self._mp = mpmath
        self._exact = world.exact(DIGITS)
        self.one = mpmath.mpf(1)
        self.equal_within = mpmath.mpf(10) ** -45
        self.different_from = mpmath.mpf(10) ** -20

    def value(self, ref: Ref) -> Array:
        return _objects(self._exact.value(ref))

    def partial(self, of: Ref, by: Ref, *, total: bool = False) -> Array:
        return _objects(self._exact.partial(of, by, total=total))

    def matrix(self, symbol: Symbol) -> Array:
        return self._places(symbol, self.value)

    def matrix_gradient(self, symbol: Symbol) -> Array:
        root = self.program.root
        assert isinstance(root, Ref)
        return self._places(symbol, lambda ref: self.partial(root, ref))

    def chain(self, levels: tuple[Symbol, ...], *, total: bool = False) -> Array:
        """Return the contraction, place by place over the levels."""
        root = self.program.root
        assert isinstance(root, Ref)
        here = levels[0]
        found = self._places(here, lambda ref: self.partial(root, ref))
        for below in levels[1:]:
            before, there = found, here
            if before[0].size * self.world.matrix(below)[0].size > MOST_PAIRS:
                raise TooLarge

            def through(ref: Ref, before: Array = before, there: Symbol = there) -> Array:
                return sum(
                    before[:, row, column] * self.partial(Ref(there, _place(there, row, column)), ref, total=total)
                    for row in range(before.shape[1])
                    for column in range(before.shape[2])
                )  # type: ignore[return-value]

            found, here = self._places(below, through), below
        return found

    def number(self, value: Fraction | float) -> Any:
        fraction = Fraction(value)
        return self._mp.mpf(fraction.numerator) / fraction.denominator

    def nonzero(self, value: Array) -> bool:
        return all(entry != 0 and self._mp.isfinite(entry) for entry in value.ravel())

    def call(self, name: str, parameter: float | None, slope: bool, value: Array) -> Array:
        from chainrule.judge.world_exact import PRIMITIVES as EXACT

        return functions.call(name, parameter, slope, value, EXACT)

    def _places(self, symbol: Symbol, read: Callable[[Ref], Array]) -> Array:
        shape = self.world.matrix(symbol).shape
        found = np.empty(shape, dtype=object)
        for row in range(shape[1]):
            for column in range(shape[2]):
                found[:, row, column] = read(Ref(symbol, _place(symbol, row, column)))
        return found


def _place(symbol: Symbol, row: int, column: int) -> tuple[int, ...]:
    """Return the indices of a place on the page: W_l[j, i] is w_ij."""
    if symbol.kind == "w":
        return (column + 1, row + 1)
    if len(symbol.dims) == 1:
        return (column + 1,) if symbol.kind == "b" else (row + 1,)
    return (row + 1, column + 1) if symbol.dims else ()


def _objects(values: list[Any]) -> Array:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
