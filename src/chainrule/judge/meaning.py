"""The value of what a person wrote, at the random points of a World.

An Interpreter walks the tree of a side and computes its *value* and its *size*: the same expression with every term
taken by its absolute value. A difference is judged against the size, so that terms which cancel cannot pass rounding
for equality, nor equality for a difference. Nothing is simplified and no fraction is cancelled: ∂q/∂s is an atom, whose
value the World knows.

The same walk runs on float64 and on numbers of many digits (`chainrule.judge.numbers`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chainrule.expr import Matrix, Number, Partial, Ref, Size, Symbol
from chainrule.judge.facts import Key
from chainrule.judge.functions import LOSS_FUNCTIONS, function_named
from chainrule.judge.general import is_function
from chainrule.judge.reading import (
    SHIFTED,
    Environment,
    LetterIndex,
    Meant,
    NoMeaning,
    OutOfRange,
    Reading,
    letters,
    written,
)
from chainrule.judge.syntax import (
    Applied,
    Cases,
    Condition,
    Derivative,
    Group,
    Listed,
    Literal,
    Name,
    Negated,
    Node,
    Quotient,
    Raised,
    ShapeOf,
    Summation,
    Times,
    Total,
    Transposed,
    names,
)
from chainrule.judge.tokens import ONES
from chainrule.rules import LOSSES, SELU_ALPHA, SELU_SCALE

if TYPE_CHECKING:
    from chainrule.judge.numbers import Numbers

Array = np.ndarray[Any, Any]

MOST_TERMS = 10_000
"""The most values that a Σ runs over."""

MOST_POWER = 64
"""The largest whole exponent that is computed."""


class Val(NamedTuple):
    """A value at every point and its size: arrays (points,) for a number, (points, rows, columns) for a matrix."""

    value: Array
    size: Array

    @property
    def matrix(self) -> bool:
        """Whether it is a matrix."""
        return self.value.ndim == 3


class NotJudged(Exception):
    """A side that is read but has no value here: `reason` is a key under `check.unread`."""

    def __init__(self, reason: str, node: Node, /, **facts: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.node = node
        self.facts = facts


class ShapesClash(Exception):
    """An operation between matrices whose shapes do not fit."""

    def __init__(self, operation: str, left: tuple[int, ...], right: tuple[int, ...], node: Node) -> None:
        super().__init__(operation)
        self.operation = operation
        self.left = left
        self.right = right
        self.node = node


_SELU = {"λ": SELU_SCALE.value, "α": SELU_ALPHA.value}

Plain = tuple[str, str, str, str, int]
"""A name without its place: base, below, above, suffix, primes."""


@dataclass(slots=True)
class Memory:
    """What names meant before: interpreters share it that have the network's own numbers, a reading and a layout.

    Attributes:
        meant: what a name means where no letter runs.
        values: what it is worth, without claims, the document's definitions aside.
        slopes: the same of one name by another.
    """

    meant: dict[Plain, Meant] = field(default_factory=dict)
    values: dict[Plain, Val] = field(default_factory=dict)
    slopes: dict[tuple[Plain, Plain], Val] = field(default_factory=dict)


class Interpreter:
    """Values of nodes under one reading.

    Attributes:
        numbers: the values of the network's quantities.
        reading: what names mean.
        bindings: what the document's own definitions say of names.
        claims: partials of the loss that an earlier line claims (falsely), by what they differentiate by.
        put: values to use in place of nodes, by `id`: a repair tries its candidates so. They may have an axis for the
            candidates before the one for the points.
        layers: of which layer the units are that a letter counts.
        variable: the argument of an equation about functions in general; it is tried at numbers of its own.
        memory: what others found that have the same numbers, reading, matrices and layers.
    """

    def __init__(
        self,
        numbers: Numbers,
        reading: Reading,
        *,
        bindings: Mapping[Key, Node] | None = None,
        matrices: bool = False,
        claims: Mapping[Ref | Symbol, Array] | None = None,
        put: Mapping[int, Val] | None = None,
        total: bool = False,
        layers: Mapping[str, int] | None = None,
        variable: Name | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.numbers = numbers
        self.reading = reading
        self.bindings = bindings or {}
        self.matrices = matrices
        self.claims = claims or {}
        self.put = put or {}
        self.total = total
        self.layers = layers or {}
        self.variable = variable
        memory = memory or Memory()
        self._memory = Memory(memory.meant) if self.claims or total else memory  # values that are not for all
        self._depth = 0

    def value(self, node: Node, environment: Environment) -> Val:
        """Return the value of a node.

        Raises:
            NoMeaning: where a name means nothing (`OutOfRange`, `LetterIndex` among them).
            NotJudged: where what is written has no value that could be compared.
            ShapesClash: where matrices do not fit together.
        """
        if self.put and id(node) in self.put:
            return self.put[id(node)]
        found: Val = _WALK[type(node)](self, node, environment)
        return found

    # Leaves

    def meant(self, name: Name, environment: Environment) -> Meant:
        """Return what a name means."""
        if environment and letters(name):
            return self._read(name, environment)
        plain = _plain(name)
        found = self._memory.meant.get(plain)
        if found is None:
            found = self._memory.meant[plain] = self._read(name, environment)
        return found

    def _read(self, name: Name, environment: Environment) -> Meant:
        return self.reading.meaning(name, self.numbers.program, environment, matrices=self.matrices, layers=self.layers)

    def _name(self, node: Name, environment: Environment) -> Val:
        if self.variable is not None:
            return self._variable(node, environment)
        if self.bindings:
            bound = self.bindings.get((node.base, node.sub, node.sup))
            if bound is not None and not node.suffix:
                self._depth += 1
                try:
                    if self._depth > 20:
                        raise NotJudged("defined_by_itself", node, name=node.base)
                    return self.value(bound, environment)
                finally:
                    self._depth -= 1
        if environment:
            return self._named(node, environment)
        plain = _plain(node)
        found = self._memory.values.get(plain)
        if found is None:
            found = self._memory.values[plain] = self._named(node, environment)
        return found

    def _named(self, node: Name, environment: Environment) -> Val:
        """Return the value of a name that the document does not define."""
        if node.base == ONES:
            world = self.numbers.world
            return _exactly(np.ones((world.points, world.samples, 1)) * self.numbers.one)
        if (constant := self._constant(node)) is not None:
            return constant
        if node.base in environment and not (node.sub or node.sup or node.suffix):
            return self.numbers.constant(environment[node.base])  # the class k in [true = k]
        if (shares := self._of_class(node, environment)) is not None:
            return shares
        meant = self.meant(node, environment)
        found = self.quantity(meant.what, node)
        if meant.less is not None:
            value, size = self.quantity(meant.less, node)
            found = Val(found.value - value, found.size + size)
        if meant.row:
            axis = -2 if self.reading.rows else -1
            found = Val(*(np.take(array, [meant.row - 1], axis=axis) for array in found))
        if node.primes:
            if not found.matrix:
                raise NotJudged("prime", node, name=written(node))
            found = Val(np.swapaxes(found.value, -1, -2), np.swapaxes(found.size, -1, -2))
        if meant.factor != 1:
            found = Val(found.value * meant.factor, found.size * abs(meant.factor))
        if meant.power != 1:
            return Val(found.value**meant.power, found.size**meant.power)
        return found

    def _of_class(self, node: Name, environment: Environment) -> Val | None:
        """Return p_y, the output of the target's class, where targets are the numbers of classes."""
        net = self.numbers.program.network
        assert net is not None
        if len(node.sub) != 1 or node.sub in environment or not LOSSES[net.loss.name].class_index:
            return None
        if self.reading.kinds.get(node.sub) != "true":
            return None
        own = self.value(replace(node, base=node.sub, sub="", sup=""), environment)
        if own.matrix:
            raise NotJudged("prime", node, name=written(node))
        value = size = self.numbers.constant(0).value
        for unit in range(1, len(net.output_units) + 1):
            at = self.value(replace(node, sub=str(unit - 1 + self.reading.first_unit)), environment)
            hit = np.equal(own.value, unit) * self.numbers.one
            value, size = value + at.value * hit, size + at.size * hit
        return Val(value, size)

    def _variable(self, node: Name, environment: Environment) -> Val:
        """Return the value of a name in an equation about functions in general."""
        assert self.variable is not None
        if is_function(node):
            own = Name(node.base, "", "", "", node.primes, (0, 0), (0, 0), node.span)
            found = self._applied(Applied(own, (self.variable,), node.span), environment)
        else:
            places = np.arange(self.numbers.world.points)
            found = _exactly((0.37 + 0.29 * places) * (-1.0) ** places * self.numbers.one)
        power = int(node.sup or 1)
        if not 1 <= power <= MOST_POWER:
            raise NotJudged("exponent", node)
        return found if power == 1 else Val(found.value**power, found.size**power)

    def _constant(self, node: Name) -> Val | None:
        """Return λ or α of a SELU, where the network has one."""
        if node.base not in _SELU or node.sub or node.sup or node.base in self.reading.kinds:
            return None
        net = self.numbers.program.network
        assert net is not None
        if not any(a.name == "selu" for layer in net.layers for a in layer.activations):
            return None
        return self.numbers.constant(_SELU[node.base])

    def quantity(self, what: Ref | Partial | Matrix | Size | Number, node: Node) -> Val:
        """Return the value of an atom or of a whole matrix."""
        if isinstance(what, Ref):
            return _exactly(self.numbers.value(what))
        if isinstance(what, Partial):
            assert isinstance(what.of, Ref) and isinstance(what.by, Ref)
            return self._partial(what.of, what.by)
        if isinstance(what, Size):
            return self.numbers.constant(what.dim.size or 1)
        if isinstance(what, Number):
            return self.numbers.constant(what.value)
        return _exactly(self._laid(what))

    def _partial(self, of: Ref, by: Ref) -> Val:
        if self.claims and of == self.numbers.program.root and by in self.claims:
            return _exactly(self.claims[by])
        return _exactly(self.numbers.partial(of, by, total=self.total))

    def _laid(self, matrix: Matrix) -> Array:
        """Return a whole matrix in the document's layout."""
        array = self._gradient(matrix.symbol) if matrix.of else self.numbers.matrix(matrix.symbol)
        laid = self._layout(array, matrix.symbol)
        return self._as_gradient(laid, matrix.symbol) if matrix.of else laid

    def _gradient(self, symbol: Symbol) -> Array:
        """Return ∂loss/∂(a whole matrix), as the page lays it out."""
        claimed = self.claims.get(symbol)
        return self.numbers.matrix_gradient(symbol) if claimed is None else claimed

    def _layout(self, array: Array, symbol: Symbol) -> Array:
        as_page = self.reading.rows
        if symbol.kind == "w":
            as_page = self.reading.in_out or (self.reading.columns and symbol.dims[0].size == 1)
        return array if as_page else np.swapaxes(array, -1, -2)

    def _as_gradient(self, laid: Array, symbol: Symbol) -> Array:
        """Return a gradient in the document's layout: that of a vector may be a row where the vector is a column."""
        kept = symbol.kind == "w" or (self.reading.shaped and symbol.kind in ("b", "x"))
        return np.swapaxes(laid, -1, -2) if self.reading.row_gradients and not kept else laid

    def _literal(self, node: Literal, environment: Environment) -> Val:
        return self.numbers.constant(node.value)

    # Arithmetic

    def _negated(self, node: Negated, environment: Environment) -> Val:
        body = self.value(node.body, environment)
        return Val(-body.value, body.size)

    def _group(self, node: Group, environment: Environment) -> Val:
        if isinstance(node.body, Condition):
            return self._condition(node.body, environment)
        return self.value(node.body, environment)

    def _sum(self, node: Total, environment: Environment) -> Val:
        value, size = self.value(node.terms[0], environment)
        for term in node.terms[1:]:
            more, more_size = self.value(term, environment)
            if value.ndim == 3 or more.ndim == 3:
                value, more = _broadcast(value, more, node)
                size, more_size = _broadcast(size, more_size, node)
            value = value + more
            size = size + more_size
        return Val(value, size)

    def _times(self, node: Times, environment: Environment) -> Val:
        if self.matrices:
            return self._matrix_product(node, environment)
        value, size = self.value(node.factors[0], environment)
        for factor in node.factors[1:]:
            more, more_size = self.value(factor, environment)
            if value.ndim == 3 or more.ndim == 3:  # pred of a network with several outputs
                return self._matrix_product(node, environment)
            value = value * more
            size = size * more_size
        return Val(value, size)

    def _quotient(self, node: Quotient, environment: Environment) -> Val:
        above, below = self.value(node.above, environment), self.value(node.below, environment)
        if above.matrix and below.matrix and above.value.shape[1:] != below.value.shape[1:]:
            raise ShapesClash("/", above.value.shape[1:], below.value.shape[1:], node)
        dividend, divisor = _broadcast(above.value, below.value, node)
        dividend_size, divisor_size = _broadcast(above.size, below.size, node)
        with np.errstate(all="ignore"):
            if not self.numbers.nonzero(divisor):
                raise NotJudged("divided_by_zero", node)
            # A divisor that lost digits by cancelling makes the quotient as uncertain as it is itself. Between
            # matrices people divide place by place.
            return Val(dividend / divisor, dividend_size / abs(divisor) * (divisor_size / abs(divisor)))

    def _raised(self, node: Raised, environment: Environment) -> Val:
        if isinstance(node.base, Name) and node.base.base == "e" and not node.base.sub:
            return self._call("exp", None, False, self.value(node.exponent, environment))
        exponent = _whole(node.exponent)
        if exponent is None or abs(exponent) > MOST_POWER:
            raise NotJudged("exponent", node)
        if exponent == 2 and isinstance(node.base, Applied) and node.base.function.base == "norm":
            return _squares(self.value(node.base.args[0], environment))
        base = self.value(node.base, environment)
        if base.matrix:
            if exponent < 0:
                raise NotJudged("divided_by_matrix", node)
            return Val(base.value**exponent, base.size**exponent)
        if exponent < 0:
            one = self.numbers.constant(1)
            with np.errstate(all="ignore"):
                power = base.value**-exponent
                if not self.numbers.nonzero(power):
                    raise NotJudged("divided_by_zero", node)
                return Val(one.value / power, base.size**-exponent / power / power)
        return Val(base.value**exponent, base.size**exponent)

    def _transposed(self, node: Transposed, environment: Environment) -> Val:
        body = self.value(node.body, environment)
        if not body.matrix:
            return body  # the transpose of a number is the number
        return Val(np.swapaxes(body.value, -1, -2), np.swapaxes(body.size, -1, -2))

    # Functions

    def _applied(self, node: Applied, environment: Environment) -> Val:
        function = node.function
        if self.variable is not None and any(n.base == function.base for arg in node.args for n in names(arg)):
            # σ(1 − σ) is a product
            return self.value(Times((function, *node.args), ("",) * len(node.args), node.span), environment)
        if function.base in ("max", "min") and len(node.args) == 2:
            left, right = (self.value(arg, environment) for arg in node.args)
            value, other = _broadcast(left.value, right.value, node)
            pick = np.maximum if function.base == "max" else np.minimum
            one, another = _broadcast(left.size, right.size, node)
            return Val(pick(value, other), one + another)
        if function.base in LOSS_FUNCTIONS:
            return self._named_loss(node)
        if len(node.args) != 1:
            raise NotJudged("arguments", node, name=function.base)
        argument = self._argument(function, node.args[0], environment)
        if function.base == "norm" and function.sub in ("", "2", "F"):
            squared = _squares(argument)
            return Val(self.numbers.call("sqrt", None, False, squared.value), argument.size.sum(axis=(-2, -1))
                       if argument.matrix else argument.size)  # fmt: skip
        if function.base in ("sum", "mean"):
            return _reduced(argument, function.base, function.sub)
        if function.base == "diag":
            return _diagonal(argument, node)
        if function.base in _REDUCED:
            sums = _reduced(argument, "sum", _REDUCED[function.base])
            if function.base == "rowsum" and self.reading.rows and argument.matrix:  # repeated in every column
                return Val(*(np.broadcast_to(own, whole.shape) for own, whole in zip(sums, argument, strict=True)))
            return sums
        if function.base == "onehot" and (classes := self._classes(node.args[0], argument)) is not None:
            return classes
        layer = self._layer_function(node.args[0], environment)
        name, parameter = function_named(function, layer, self.numbers.program, sigmoid=self.reading.sigmoid)
        if name is None:
            raise NoMeaning("unknown_function", function, name=function.base)
        if name == "softmax":
            if not argument.matrix or function.primes:
                raise NotJudged("softmax", node)
            # Units lie beside each other where samples are rows.
            shares = self.numbers.softmax(argument.value, -1 if self.reading.rows else -2)
            return _exactly(shares if not function.sub else self._entry(shares, node, environment))
        found = self._call(name, parameter, function.primes > 0, argument)
        if function.primes > 1:
            raise NotJudged("second_derivative", node)
        if function.sup.isdigit() and name in ("tanh", "log", "exp", "sigmoid"):  # tanh²(z)
            power = int(function.sup)
            if not 1 <= power <= MOST_POWER:
                raise NotJudged("exponent", node)
            return Val(found.value**power, found.size**power)
        return found

    def _classes(self, node: Node, numbers: Val) -> Val | None:
        """Return a row for each sample with 1 at its class, where the targets are the numbers of classes."""
        while isinstance(node, Group):
            node = node.body
        net = self.numbers.program.network
        assert net is not None
        if not isinstance(node, Name) or not LOSSES[net.loss.name].class_index:
            return None
        if self.reading.kinds.get(node.base) != "true":
            return None
        every = np.arange(1, len(net.output_units) + 1)
        own = numbers.value if numbers.matrix else numbers.value[:, None, None]
        hits = np.equal(own, every if self.reading.rows else every[:, None])
        return _exactly(hits * self.numbers.one)

    def _named_loss(self, node: Applied) -> Val:
        """Return the loss where it is called by name, as a function of output and target: CE(y, ŷ)."""
        net, root = self.numbers.program.network, self.numbers.program.root
        assert net is not None and isinstance(root, Ref)
        given = {self.reading.kinds.get(arg.base) for arg in node.args if isinstance(arg, Name)}
        if net.loss.name not in LOSS_FUNCTIONS[node.function.base] or given != {"pred", "true"}:
            raise NoMeaning("unknown_function", node.function, name=node.function.base)
        return self.quantity(root, node)

    def _argument(self, function: Name, node: Node, environment: Environment) -> Val:
        """Return what a function is applied to; for softmax, pred[n] is all units of one sample."""
        if function.base != "softmax" or not isinstance(node, Name) or not node.suffix or node.sub:
            return self.value(node, environment)
        sample = int(node.suffix) if node.suffix.isdigit() else environment.get(node.suffix)
        whole = self.value(replace(node, suffix=""), environment)
        axis = -2 if self.reading.rows else -1
        if sample is None:
            raise LetterIndex(node.suffix, node)
        if not whole.matrix or not 1 <= sample <= whole.value.shape[axis]:
            raise OutOfRange("no_sample", node, name=written(node))
        return Val(*(np.take(array, [sample - 1], axis=axis) for array in (whole.value, whole.size)))

    def _entry(self, shares: Array, node: Applied, environment: Environment) -> Array:
        """Return softmax(…)_k: one entry of one sample."""
        text = node.function.sub
        unit = int(text) if text.isdigit() else environment.get(text)
        if unit is None:
            raise LetterIndex(text, node.function)
        entries = shares.reshape(shares.shape[0], -1)
        unit += 1 - self.reading.first_unit
        if not 1 <= unit <= entries.shape[1] or 1 not in shares.shape[1:]:
            raise OutOfRange("no_unit", node.function, name=text, size=entries.shape[1])
        return np.asarray(entries[:, unit - 1])

    def _call(self, name: str, parameter: float | None, slope: bool, argument: Val) -> Val:
        value = self.numbers.call(name, parameter, slope, argument.value)
        # What the argument lost by cancelling is lost by the value too: all functions here change by about as much.
        return Val(value, abs(value) + abs(value) * argument.size if name in _STEEP else abs(value) + argument.size)

    def _layer_function(self, argument: Node, environment: Environment) -> tuple[str, float | None] | None:
        """Return the activation of the layer (and unit) whose z a function is applied to, or None."""
        while isinstance(argument, Group):
            argument = argument.body
        if not isinstance(argument, Name) or self.variable is not None:
            return None
        try:
            what = self.meant(argument, environment).what
        except NoMeaning:
            return None
        if not isinstance(what, Ref | Matrix) or what.symbol.kind not in ("z", "pred"):
            return None
        net = self.numbers.program.network
        assert net is not None
        layer = net.layers[(what.symbol.layer or net.depth) - 1]
        unit = what.indices[-1] if isinstance(what, Ref) else 1
        activation = layer.activation(unit if isinstance(unit, int) else 1)
        return activation.name, activation.parameter

    # Derivatives

    def _derivative(self, node: Derivative, environment: Environment) -> Val:
        if self.variable is not None:
            of = node.of
            while isinstance(of, Group):
                of = of.body
            assert isinstance(of, Applied | Name)
            function = of.function if isinstance(of, Applied) else of
            slope = replace(function, primes=function.primes + 1)
            return self._applied(Applied(slope, (self.variable,), node.span), environment)
        of, by = node.of, node.by
        if environment or self.bindings or type(of) is not Name or type(by) is not Name:
            return self._signed_slope(node, environment)
        plain = (_plain(of), _plain(by))
        found = self._memory.slopes.get(plain)
        if found is None:
            found = self._memory.slopes[plain] = self._signed_slope(node, environment)
        return found

    def _signed_slope(self, node: Derivative, environment: Environment) -> Val:
        found = self._slope(node, *self.atoms(node, environment))
        return found if self.sign(node, environment) > 0 else Val(-found.value, found.size)

    def sign(self, node: Derivative, environment: Environment) -> int:
        """Return −1 where a derivative has the other sign than that of its atoms: of true − pred, by a threshold."""
        sign = 1
        for part in (node.of, node.by):
            if isinstance(part, Name) and self.reading.kinds.get(part.base) in SHIFTED:
                sign *= self.meant(part, environment).factor
        return sign

    def atoms(self, node: Derivative, environment: Environment) -> tuple[Ref | Matrix, Ref | Matrix]:
        """Return what a derivative is of, and by."""
        return self._differentiated(node.of, environment), self._atom(node.by, environment)

    def _slope(self, node: Derivative, of: Ref | Matrix, by: Ref | Matrix) -> Val:
        if isinstance(of, Ref) and isinstance(by, Ref):
            return self._partial(of, by)
        root = self.numbers.program.root
        if of == root and isinstance(by, Matrix):
            return _exactly(self._laid(Matrix(by.symbol, of=root.symbol)))
        if not isinstance(of, Matrix) or not isinstance(by, Matrix):
            raise NotJudged("matrix_by_unit", node)
        return _exactly(self._formal(node, of.symbol, by.symbol))

    def _formal(self, node: Derivative, of: Symbol, by: Symbol) -> Array:
        """Return what people write for a matrix by a matrix: ∂Z/∂W = Aᵀ, ∂Z/∂A = Wᵀ, ∂A/∂Z elementwise.

        These are the factors that the chain rule multiplies ∂loss/∂Z with, not the tensors themselves.
        """
        found = self.numbers.local_factor(of, by)
        if found is None:
            raise NotJudged("matrix_by_matrix", node)
        array, like = found
        laid = self._layout(array, like) if like is not None else np.swapaxes(array, -1, -2)
        return self._as_gradient(laid, by)

    def _atom(self, node: Node, environment: Environment) -> Ref | Matrix:
        """Return the quantity that is differentiated by."""
        while isinstance(node, Group):
            node = node.body
        if not isinstance(node, Name):
            raise NotJudged("by_expression", node)
        meant = self.meant(node, environment)
        adjoint = isinstance(meant.what, Matrix) and meant.what.of
        if isinstance(meant.what, Partial | Size | Number) or adjoint or meant.row:
            raise NotJudged("by_expression", node)
        if meant.power != 1:
            # Below ∂ a number above can only be a layer that the network does not have, never a power.
            raise OutOfRange("no_layer", node, name=node.base, depth=self.numbers.depth)
        return meant.what

    def _differentiated(self, node: Node, environment: Environment) -> Ref | Matrix:
        """Return the quantity that is differentiated; an expression that equals the loss is the loss."""
        while isinstance(node, Group):
            node = node.body
        if isinstance(node, Name) and (node.base, node.sub, node.sup) not in self.bindings:
            return self._atom(node, environment)
        value = self.value(node, environment)
        root = self.numbers.program.root
        assert isinstance(root, Ref)
        if not value.matrix and self.numbers.same(value, _exactly(self.numbers.value(root))):
            return root
        raise NotJudged("of_expression", node)

    # Matrices

    def _matrix_product(self, node: Times, environment: Environment) -> Val:
        factors = self._joined(node, environment)
        try:
            return self._multiplied(factors, node, tight="·")
        except ShapesClash:
            if {"⊙"} & {mark for _, mark in factors} and len(factors) > 2:
                return self._multiplied(factors, node, tight="⊙")
            raise

    def _joined(self, node: Times, environment: Environment) -> list[tuple[Val, str]]:
        """Return the factors with the mark before each; ∂loss/∂A · ∂A/∂B becomes one factor, the contraction over A."""
        found: list[tuple[Val, str]] = []
        marks = ("", *node.marks)
        run: list[Symbol] = []
        root = self.numbers.program.root
        for factor, mark in zip(node.factors, marks, strict=True):
            slope = self._matrix_slope(factor, environment)
            if slope is not None:
                of, by = slope
                if run and isinstance(of, Symbol) and of == run[-1]:
                    run.append(by)
                    try:
                        through = self.numbers.chain(tuple(run), total=self.total)
                    except MemoryError:
                        raise NotJudged("too_large_matrix", node) from None
                    found[-1] = (_exactly(self._as_gradient(self._layout(through, by), by)), found[-1][1])
                    continue
                run = [by] if of == root else []
            else:
                run = []
            found.append((self.value(factor, environment), mark))
        return found

    def _matrix_slope(self, factor: Node, environment: Environment) -> tuple[Ref | Symbol, Symbol] | None:
        """Return what a factor differentiates and by what, where both are whole (or the first is the loss)."""
        root = self.numbers.program.root
        assert isinstance(root, Ref)
        if isinstance(factor, Name) and (factor.base, factor.sub, factor.sup) not in self.bindings:
            if factor.base == ONES or self._constant(factor) is not None:
                return None
            meant = self.meant(factor, environment)
            whole = isinstance(meant.what, Matrix) and meant.power == meant.factor == 1
            whole = whole and not factor.primes and not meant.row
            if whole and isinstance(meant.what, Matrix) and meant.what.of is not None:
                return root, meant.what.symbol
            return None
        if not isinstance(factor, Derivative):
            return None
        of, by = self._differentiated(factor.of, environment), self._atom(factor.by, environment)
        if not isinstance(by, Matrix) or self.sign(factor, environment) < 0:
            return None
        if of == root:
            return root, by.symbol
        return (of.symbol, by.symbol) if isinstance(of, Matrix) else None

    def _multiplied(self, factors: list[tuple[Val, str]], node: Times, *, tight: str) -> Val:
        """Multiply: the tight mark first, then the other, each from left to right."""
        groups: list[tuple[Val, str]] = []
        for factor, mark in factors:
            mark = "⊙" if mark == "⊙" else "⊗" if mark == "⊗" else "*" if mark == "*" else "·"
            if groups and (mark == tight or mark in ("⊗", "*")):
                groups[-1] = (self._pair(groups[-1][0], factor, mark, node), groups[-1][1])
            else:
                groups.append((factor, mark))
        found = groups[0][0]
        for factor, mark in groups[1:]:
            found = self._pair(found, factor, mark, node)
        return found

    def _pair(self, left: Val, right: Val, mark: str, node: Times) -> Val:
        """Return a product of two.

        Where gradients are rows, one times σ'(z), a column, place by place is a row. Of one sample, what a network has
        a single one of is a number: (ŷ − y) v.
        """
        if not self.reading.batch and left.matrix and right.matrix and left.value.shape[2] != right.value.shape[1]:
            left, right = (Val(*(a[:, 0, 0] for a in v)) if v.value.shape[1:] == (1, 1) else v for v in (left, right))
        if self.reading.row_gradients and mark == "⊙" and left.matrix and right.matrix:
            shapes = left.value.shape[1:], right.value.shape[1:]
            if shapes[0] == shapes[1][::-1] and 1 in shapes[0]:
                left, right = (
                    Val(*(np.swapaxes(array, -1, -2) for array in side)) if shape[0] > 1 else side
                    for side, shape in zip((left, right), shapes, strict=True)
                )
        return _product(left, right, mark, node)

    # Σ, conditions, cases, shapes

    def _summation(self, node: Summation, environment: Environment) -> Val:
        letter = node.letter
        if not letter:
            raise NotJudged("sum_without_letter", node)
        total: Val | None = None
        count = 0
        for place in self._range(node, environment):
            try:
                more = self.value(node.body, {**environment, letter: place})
            except OutOfRange:
                if total is None and place <= 1:
                    continue  # counting begins at 1 where it does not begin at 0
                if node.upper is not None and not self._says_all(node.upper, environment):
                    raise
                break
            count += 1
            if count > MOST_TERMS:
                raise NotJudged("too_many_terms", node, most=MOST_TERMS)
            if total is None:
                total = more
            else:
                value, other = _broadcast(total.value, more.value, node)
                size, another = _broadcast(total.size, more.size, node)
                total = Val(value + other, size + another)
        if total is None:
            raise NotJudged("sum_of_nothing", node)
        return total

    def _says_all(self, upper: Node, environment: Environment) -> bool:
        """Return whether a sum's upper end is a name that only says "all": K, n_l."""
        return isinstance(upper, Name) and self._bound(upper, environment) is None

    def _range(self, node: Summation, environment: Environment) -> range:
        """Return the values that Σ's letter may take; where nothing says how far, the network does."""
        if not _uses(node.body, node.letter):
            raise NotJudged("sum_unused_letter", node, letter=node.letter)
        lower = 0 if node.lower is None else self._bound(node.lower, environment)
        upper = None if node.upper is None else self._bound(node.upper, environment)
        if lower is None:
            raise NotJudged("sum_bounds", node)
        if upper is None:
            return range(lower, lower + MOST_TERMS + 2)
        return range(lower, min(upper, lower + MOST_TERMS + 1) + 1)

    def _bound(self, node: Node, environment: Environment) -> int | None:
        whole = _whole(node)
        if whole is not None:
            return whole
        if isinstance(node, Name):
            if node.base in environment:
                return environment[node.base]
            bound = self.bindings.get((node.base, node.sub, node.sup))
            if bound is not None:
                return _whole(bound)
            if self.reading.kinds.get(node.base) == "samples" and not node.sub:
                return self.numbers.program.samples.size
        return None

    def _condition(self, node: Condition, environment: Environment) -> Val:
        compare = {"<": np.less, ">": np.greater, "≤": np.less_equal, "≥": np.greater_equal, "=": np.equal,
                   "≠": np.not_equal}.get(node.relation)  # fmt: skip
        if compare is None:
            raise NotJudged("relation", node, found=node.relation)
        left, right = self.value(node.left, environment), self.value(node.right, environment)
        value, other = _broadcast(left.value, right.value, node)
        return _exactly(np.asarray(compare(value, other), dtype=np.float64) * self.numbers.one)

    def _cases(self, node: Cases, environment: Environment) -> Val:
        value: Array | None = None
        size: Array | None = None
        left = self.numbers.constant(1).value  # 1 where no case has held yet
        for case, condition in node.cases:
            mine = left if condition is None else _multiplied(left, self.value(condition, environment).value, node)
            part = self.value(case, environment)
            here, large = _multiplied(part.value, mine, node), _multiplied(part.size, mine, node)
            value = here if value is None else np.add(*_broadcast(value, here, node))
            size = large if size is None else np.add(*_broadcast(size, large, node))
            before, taken = _broadcast(left, mine, node)
            left = before - taken
        assert value is not None and size is not None
        return Val(value, size)

    def shape(self, node: Node, environment: Environment) -> tuple[int, ...]:
        """Return the shape of a node's value; () for a number."""
        if isinstance(node, ShapeOf):
            return self.shape(node.body, environment)
        if isinstance(node, Listed):
            items = [self._bound(item, environment) for item in node.items]
            if any(item is None for item in items):
                raise NotJudged("shape_items", node)
            return tuple(item for item in items if item is not None)
        shape: tuple[int, ...] = self.value(node, environment).value.shape[1:]
        return shape

    def _no_value(self, node: Node, environment: Environment) -> Val:
        raise NotJudged("no_value", node)


_WALK: dict[type, Any] = {
    Name: Interpreter._name, Literal: Interpreter._literal, Negated: Interpreter._negated, Total: Interpreter._sum,
    Times: Interpreter._times, Quotient: Interpreter._quotient, Raised: Interpreter._raised,
    Transposed: Interpreter._transposed, Applied: Interpreter._applied, Derivative: Interpreter._derivative,
    Summation: Interpreter._summation, Group: Interpreter._group, Condition: Interpreter._condition,
    Cases: Interpreter._cases, Listed: Interpreter._no_value, ShapeOf: Interpreter._no_value,
}  # fmt: skip


_REDUCED = {"rowsum": "1", "colsum": "0"}
"""Sums of the rows, and of the columns, of a matrix, by the axis that is gone then."""

_STEEP = frozenset(("exp", "cosh", "sinh"))
"""Functions whose slope is about as large as their value."""


def _plain(name: Name) -> Plain:
    return (name.base, name.sub, name.sup, name.suffix, name.primes)


def _diagonal(argument: Val, node: Applied) -> Val:
    """Return the square matrix with the entries of a vector on its diagonal: diag(σ'(z)) of one sample."""
    if not argument.matrix or 1 not in argument.value.shape[1:]:
        raise NotJudged("diagonal", node)
    count = max(argument.value.shape[1:])
    found = []
    for array in argument:
        square = np.zeros((array.shape[0], count, count), dtype=array.dtype)
        square[:, range(count), range(count)] = array.reshape(array.shape[0], count)
        found.append(square)
    return Val(*found)


def _exactly(value: Array) -> Val:
    return Val(value, abs(value))


def _broadcast(left: Array, right: Array, node: Node) -> tuple[Array, Array]:
    """Return two arrays that can be added: a number beside a matrix stands in each place, a bias in each sample."""
    if left.ndim == right.ndim or 3 not in (left.ndim, right.ndim):
        if left.ndim == 3 and left.shape[1:] != right.shape[1:]:
            fits = all(a == b or 1 in (a, b) for a, b in zip(left.shape[1:], right.shape[1:], strict=True))
            one = 1 in left.shape[1:] or 1 in right.shape[1:]
            if not fits or not one:
                raise ShapesClash("+", left.shape[1:], right.shape[1:], node)
        return left, right
    if left.ndim == 3:
        return left, right[..., None, None]
    return left[..., None, None], right


def _multiplied(left: Array, right: Array, node: Node) -> Array:
    """Return two arrays multiplied place by place."""
    one, other = _broadcast(left, right, node)
    return np.asarray(one * other)


def _product(left: Val, right: Val, mark: str, node: Node) -> Val:
    if not left.matrix or not right.matrix:
        value, other = _broadcast(left.value, right.value, node)
        size, other_size = _broadcast(left.size, right.size, node)
        return Val(value * other, size * other_size)
    rows, columns = left.value.shape[1:], right.value.shape[1:]
    if mark == "⊙" or (mark == "*" and rows == columns):  # in code * is place by place
        if rows != columns:
            raise ShapesClash("⊙", rows, columns, node)
        return Val(left.value * right.value, left.size * right.size)
    if mark == "⊗":
        if 1 not in rows or 1 not in columns:
            raise ShapesClash("⊗", rows, columns, node)
        points = left.value.shape[0]
        return Val(
            left.value.reshape(points, -1, 1) @ right.value.reshape(points, 1, -1),
            left.size.reshape(points, -1, 1) @ right.size.reshape(points, 1, -1),
        )
    if rows[1] != columns[0]:
        raise ShapesClash("·", rows, columns, node)
    return Val(left.value @ right.value, left.size @ right.size)


def _squares(argument: Val) -> Val:
    """Return the sum of the squares of all entries."""
    value, size = argument.value**2, argument.size**2
    return Val(value.sum(axis=(-2, -1)), size.sum(axis=(-2, -1))) if argument.matrix else Val(value, size)


def _reduced(argument: Val, name: str, axis: str) -> Val:
    """Return the sum or the mean of a matrix along an axis, or of all of it."""
    if not argument.matrix:
        return argument
    axes = (-2, -1) if not axis else (int(axis) - 2,)
    count = 1
    for number in axes:
        count *= argument.value.shape[number]
    value, size = (array.sum(axis=axes, keepdims=True) for array in argument)
    return Val(value / count, size / count) if name == "mean" else Val(value, size)


def _whole(node: Node) -> int | None:
    """Return the whole number that a node is, or None."""
    if isinstance(node, Literal) and node.value.denominator == 1:
        return int(node.value)
    if isinstance(node, Negated):
        inner = _whole(node.body)
        return None if inner is None else -inner
    if isinstance(node, Group):
        return _whole(node.body)
    return None


def _uses(node: Node, letter: str) -> bool:
    return any(letter == found for name in names(node) for found, _ in letters(name))


__all__ = ["Interpreter", "LetterIndex", "NotJudged", "ShapesClash", "Val", "names"]
