"""A Derivation as lines of array code: each statement under the line of the derivation that it computes."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.derive import Derivation, owner
from chainrule.export.code import Coder
from chainrule.export.dialects import DIALECTS, Dialect
from chainrule.export.pieces import Region, array_name, shape_of, stored_dims
from chainrule.expr import Partial, Ref, Symbol
from chainrule.notation import load
from chainrule.program import Statement
from chainrule.show.forms import TEXT
from chainrule.show.write import Writer


@dataclass(frozen=True, slots=True)
class Line:
    """One statement: the array it makes, and its code with the comment above it, a row each."""

    name: str
    rows: tuple[str, ...]


@dataclass(frozen=True)
class Lines:
    """The code of a Derivation over any number of samples.

    Attributes:
        dialect: whose code it is.
        forward: from the parameters and X to pred.
        loss: the loss, from pred and true.
        backward: the partials, from the loss back, those by X too.
        parameters: the arrays that are learned: name and shape.
        inputs: how many inputs there are.
        constants: `NAME = …`, a row each.
        helpers: the source of the functions that the lines call.
        class_index: whether `true` holds class numbers, from 1, in one axis.
    """

    dialect: Dialect
    forward: tuple[Line, ...]
    loss: tuple[Line, ...]
    backward: tuple[Line, ...]
    parameters: tuple[tuple[str, tuple[int, ...]], ...]
    inputs: int
    outputs: int
    constants: tuple[str, ...]
    helpers: tuple[str, ...]
    class_index: bool


def lines_of(derivation: Derivation, dialect: str) -> Lines:
    """Return the code of a Derivation.

    Args:
        derivation: over any number of samples (`net.derive(samples=None)`).
        dialect: numpy, torch or jax.

    Example:
        >>> from chainrule import Network
        >>> lines = lines_of(Network.read("2-3-1").derive(samples=None), "numpy")
        >>> print(lines.backward[1].rows[-1])
        dW_2 = A_1.T @ dpred
    """
    coder = Coder(DIALECTS[dialect])
    source = derivation.source
    writer = Writer(TEXT, load("seed"))
    made: set[str] = set()
    found = [_line(statement, coder, writer, made) for statement in derivation.program.statements]
    count = len(source.statements)
    forward = tuple(line for line in found[:count] if line.name != "loss")
    data, true = source.data
    pred = source.symbols["pred", None, None]
    return Lines(
        coder.dialect, forward, tuple(found[len(forward) : count]), tuple(found[count:]),
        tuple((array_name(Ref(p)), _shape(p)) for p in source.parameters), data.dims[1].size or 0,
        pred.dims[1].size or 0, tuple(f"{name} = {value}" for name, value in coder.constants.items()),
        tuple(coder.dialect.helpers[name][0] for name in coder.helpers), len(true.dims) == 1,
    )  # fmt: skip


def _line(statement: Statement, coder: Coder, writer: Writer, made: set[str]) -> Line:
    name = array_name(statement.target)
    text, region = coder.statement(statement.target, statement.expr)
    comment = "# " + " = ".join(writer.line((statement.target, statement.expr)))
    if region.whole:
        return Line(name, (comment, f"{name} = {text}"))
    rows = [comment]
    if name not in made:
        made.add(name)
        rows.append(f"{name} = {_zeros(statement.target, coder)}")
    place = _place(region, coder.dialect)
    rows.append(coder.dialect.assigned.format(name=name, place=place, value=text))
    return Line(name, tuple(rows))


def _zeros(target: Ref | Partial, coder: Coder) -> str:
    sizes = ["N" if dim.size is None else str(dim.size) for dim in stored_dims(owner(target).symbol)]
    return coder.dialect.zeros.format(shape=shape_of(sizes))


def _place(region: Region, dialect: Dialect) -> str:
    """Return what stands in the brackets that pick a part of an array: where the picked rows and columns cross."""
    crossed = sum(isinstance(place, tuple) for place in region.places) == 2  # rows and columns of a weight
    found: list[str] = []
    for place in region.places:
        if isinstance(place, tuple):
            values = [value - 1 for value in place]
            first = crossed and not found
            found.append(dialect.listed.format(values=[[value] for value in values] if first else values))
        else:
            found.append(":" if place is None else str(place - 1))
    return ", ".join(found)


def _shape(symbol: Symbol) -> tuple[int, ...]:
    return tuple(dim.size or 0 for dim in stored_dims(symbol))
