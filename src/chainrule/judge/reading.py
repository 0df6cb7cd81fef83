r"""What a name on the page means for a network: `a_1^2` is a unit's activation, `W_2` a matrix, `\hat{y}` the output.

A Reading is one consistent way to take a document: what each letter stands for, which index of a weight leads where,
from which number inputs, units and layers count, and how matrices are laid out. `Reading.meaning` turns a Name into an
atom of the network or a whole matrix, or says why that cannot be. Which Reading a document follows is found by
`chainrule.judge.readings`, from the document itself.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from chainrule.expr import Matrix, Number, Partial, Ref, Size, Symbol
from chainrule.judge.syntax import Name

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.program import Program

Environment = Mapping[str, int]
"""What the letters that run stand for just now."""


class NoMeaning(Exception):
    """A name that this reading gives no meaning: `reason` is a key under `check.unread`, `name` the culprit."""

    def __init__(self, reason: str, name: Name, /, **facts: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.name = name
        self.facts = {"name": _written(name), **facts}


class OutOfRange(NoMeaning):
    """A name of the right kind whose layer or unit the network does not have."""


class LetterIndex(NoMeaning):
    """A letter among the indices that stands for no number yet."""

    def __init__(self, letter: str, name: Name, /) -> None:
        super().__init__("letter", name, letter=letter)
        self.letter = letter


@dataclass(frozen=True, slots=True)
class Meant:
    """What a name means.

    Attributes:
        what: an atom, a matrix, or a number (x_0 = 1 beside a bias, δ_ij of Kronecker).
        power: what its superscript turned out to be, 1 for none.
        factor: by what it is multiplied: −1 where δ is −∂loss/∂z and for a threshold, the number of samples where dZ
            is that of each sample's own loss.
        row: the sample that it is of, where it is all units of one of several; 0 otherwise.
        less: what is taken away from it before: the target from the output, where the name is that of their difference.
    """

    what: Ref | Partial | Matrix | Size | Number
    power: int = 1
    factor: int = 1
    less: Ref | Matrix | None = None
    row: int = 0


INDICES = {"w": 2, "b": 1, "z": 1, "a": 1, "delta": 1, "x": 1, "pred": 1, "true": 1, "loss": 0}
"""How many unit indices each kind takes."""

SHIFTED = {
    "error": ("pred", "true", 1), "residual": ("pred", "true", -1), "sum": ("z", "b", 1), "threshold": ("b", "", -1),
}  # fmt: skip
"""Kinds that are another but for what is taken away and the sign: the error is pred − true, the residual true − pred,
the sum z − b, to which a bias is added only inside of the activation, and a threshold −b."""

_LAYERED = frozenset(("w", "b", "z", "a", "delta"))


def differentiated(kind: str) -> str:
    """Return the kind that an adjoint is of, and any other kind as it is.

    Example:
        >>> differentiated("dw"), differentiated("delta"), differentiated("w")
        ('w', 'delta', 'w')
    """
    return kind[1:] if kind.startswith("d") and kind != "delta" else kind


@cache
def vocabulary() -> Mapping[str, Mapping[str, list[str]]]:
    """Return the words and letters that people use, by kind: `usual`, and `swapped` where a and z change places."""
    return tomllib.loads(files(__package__).joinpath("names.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Reading:
    """One consistent way to take the names of a document.

    Attributes:
        kinds: what each base stands for: a kind of `INDICES`, or `d` and a kind for an adjoint (dW).
        to_from: whether w_12 leads to unit 1 from unit 2 (the seed's way), or from 1 to 2.
        first_input: the number of the first input: 0 as in the seed, or 1.
        first_unit: the number of the first unit of a layer: 1, or 0.
        first_layer: the number of the inputs' layer: 0, or 1 where the inputs count as a layer.
        outward: whether W and b have the number of the layer that they lead from, as Θ^{(1)} in Ng's first course.
        rows: whether the samples are the rows of a matrix, or its columns.
        in_out: whether a weight matrix is (in, out), or (out, in).
        columns: whether the weights of a single output are a column all the same: vᵀ h after h = σ(W x).
        batch: whether matrices hold several samples.
        row_gradients: whether ∂loss/∂z of a column z is a row, as in CS224n; that of a weight matrix has its shape.
        shaped: whether ∂loss/∂b and ∂loss/∂x have the shape of b and x even so, as the results there have: ∂J/∂b = δᵀ.
        powers: whether numbers above are powers, since the document writes no layers.
        unit_deltas: whether δ_2 is that of unit 2, and not of layer 2.
        sigmoid: whether σ is the sigmoid whatever activation a layer has.
        descent: whether δ is −∂loss/∂z, as in Rumelhart's paper.
        per_sample: whether dZ and dA are of each sample's own loss, and the mean over the samples is taken in dW and
            db, as in Ng's course.
        by_origin: whether weights that are numbered through (w_1, w_2, …) are so by the unit they come from.
        bracketed: whether layers stand in brackets, so that a bare number above is a power.
        absorbed: whether sums count from 0, where w_j0 is the bias and x_0 is 1.
        below: whether a lone number below a small letter is a layer: z_1 and b_1 beside a matrix W_1.
        whole_outputs: whether Y and T are matrices even of a single output, as X, Z and A are.
        samples: how many samples there are, where the document says so; 0 for any number.
        loss_of: what stands below the loss wherever the document names it: C_0 is that of the sample spoken of.
        marks: the letters that mark samples, in brackets above a name: h_j^{(n)}.
        places: the layer of letters that the document itself gives to what the network has (u = W_1 x).
    """

    kinds: Mapping[str, str] = field(hash=False)
    to_from: bool = True
    first_input: int = 0
    first_unit: int = 1
    first_layer: int = 0
    outward: bool = False
    rows: bool = True
    in_out: bool = True
    columns: bool = False
    batch: bool = True
    row_gradients: bool = False
    shaped: bool = False
    powers: bool = False
    unit_deltas: bool = False
    sigmoid: bool = False
    descent: bool = False
    per_sample: bool = False
    absorbed: bool = False
    bracketed: bool = False
    by_origin: bool = False
    below: bool = False
    whole_outputs: bool = False
    samples: int = 0
    loss_of: str = ""
    marks: str = ""
    places: Mapping[str, int] = field(default_factory=dict, hash=False)

    @cached_property
    def scalar(self) -> Reading:
        """The same in the usual layout of matrices, of which a line of numbers asks nothing."""
        return self.but(rows=True, in_out=True, columns=False, batch=True, row_gradients=False, shaped=False)

    @cached_property
    def first_letters(self) -> frozenset[tuple[str, str, str]]:
        """The letter that is written for each kind, small, capital or either: the author's own stand first."""
        found: dict[tuple[str, str], str] = {}
        for base, kind in self.kinds.items():
            for case in ("", "capital" if base[:1].isupper() else "small", "long" if len(base) > 1 else "short"):
                found.setdefault((kind, case), base)
        return frozenset((kind, case, base) for (kind, case), base in found.items())

    def but(self, **changes: bool | int | str) -> Reading:
        """Return the same but for some parts."""
        return _changed(self, id(self.kinds), tuple(changes.items()))

    def kind_of(self, name: Name) -> str:
        """Return what a name's own letter stands for, or '': that of dW is w."""
        kind = differentiated(self.kinds.get(name.base, ""))
        return SHIFTED[kind][0] if kind in SHIFTED else kind

    def inputs_number(self, kind: str) -> int:
        """Return the number that the inputs' layer has, or would have, in names of a kind."""
        return self.first_layer - (self.outward and kind in ("w", "b"))

    def marks_sample(self, sup: str) -> bool:
        """Return whether what stands above is the letter of a sample, in brackets."""
        return len(sup) == 3 and sup[1] in self.marks and sup[0] in "(["

    def whole(self, name: Name, kind: str) -> bool:
        """Return whether a name without a capital is that of a whole layer, by the number below it."""
        numbered = name.sub.isdigit() and not name.sup
        if self.columns and kind == "w":
            return numbered and len(name.sub) == 1  # w_2 beside W_1
        return self.below and numbered and kind in ("z", "a", "b", "delta") and name.base not in self.places

    def meaning(
        self,
        name: Name,
        program: Program,
        environment: Environment,
        *,
        matrices: bool = False,
        power: bool = False,
        layers: Mapping[str, int] | None = None,
    ) -> Meant:
        """Return what a name means.

        Args:
            name: the name.
            program: the forward statements of the network.
            environment: what running letters stand for.
            matrices: whether a lone subscript of a small letter is a layer (δ_2), as beside other matrices.
            power: read a superscript as a power even where it could be a layer.
            layers: of which layer the units are that a letter counts, where that is known.

        Raises:
            LetterIndex: where a letter stands for nothing.
            OutOfRange: where the network has no such layer or unit.
            NoMeaning: where the name means nothing here.
        """
        kind = self.kinds.get(name.base)
        if kind is None:
            raise NoMeaning("unknown_name", name, name=name.base)
        if kind == "samples":
            if name.sub or name.sup:
                raise NoMeaning("unknown_name", name, name=name.base)
            return Meant(Size(program.samples))
        return _Meaning(self, name, kind, program, environment, matrices, power, layers or {}).found()


@lru_cache(maxsize=8_192)
def _changed(reading: Reading, _kinds: int, changes: tuple[tuple[str, bool | int | str], ...]) -> Reading:
    """Return a changed reading: the readings that every document is tried under are made once.

    Readings are equal in whatever order they have their letters, but an author's own letters come first: `_kinds` tells
    these from another author's.
    """
    return replace(reading, **dict(changes))  # type: ignore[arg-type]  # the names are those of `Reading.but`'s caller


class _Meaning:
    """One name being read."""

    def __init__(
        self, reading: Reading, name: Name, kind: str, program: Program, environment: Environment,
        matrices: bool, power: bool, layers: Mapping[str, int],
    ) -> None:  # fmt: skip
        self.reading = reading
        self.name = name
        self.kind = differentiated(kind)
        self.adjoint = self.kind != kind
        self.kind, self.less, self.sign = SHIFTED.get(self.kind, (self.kind, "", 1))
        self.program = program
        assert program.network is not None
        self.net: Network = program.network
        self.environment = environment
        self.layers = layers
        unit = name.base in reading.places and bool(name.sub)
        entry = unit or (self.kind == "w" and (len(name.sub) == 2 or "," in name.sub))  # W_jk
        capital = name.base[0].isupper() and self.kind in ("w", "z", "a", "delta") and not entry
        self.matrices = (matrices and not unit) or capital or reading.whole(name, self.kind)
        self.power = power or reading.powers

    def found(self) -> Meant:
        if (role := role_of(self.name)) is not None:
            return self._scaled(self._in_role(role[1], int(role[2])))
        if self.kind not in _LAYERED:
            return self._scaled(self._plain())
        if self.kind == "delta" and (kronecker := self._kronecker()) is not None:
            return kronecker
        try:
            return self._scaled(self._layered())
        except OutOfRange as outside:
            # A number above that can be no layer is a power, where the layer goes without saying.
            if outside.reason != "no_layer" or self.power or not self.name.sup.isdigit():
                raise
            self.power = True
            try:
                return self._scaled(self._layered())
            except NoMeaning:
                raise outside from None

    def _in_role(self, role: str, unit: int) -> Meant:
        """Return what out_h1, net_o1 or target_o1 means: the unit is named by what it is, input, hidden or output."""
        layer = {"i": 0, "o": self.net.depth}.get(role)
        if layer is None:
            if self.net.depth != 2:
                raise NoMeaning("which_layer", self.name, name=_written(self.name))
            layer = 1
        kind = "a" if self.kind in ("pred", "a") else self.kind
        if self.kind == "true" and role == "o":
            symbol = self._symbol("true", None)
        elif kind in ("a", "z", "delta", "b"):
            self.kind = kind
            symbol = self._at_layer(layer, None)
        else:
            raise NoMeaning("no_index_text", self.name, read=self.name.sub)
        if len(symbol.dims) == 1 and kind != "b":
            raise NoMeaning("no_index", self.name)  # the class of a sample
        place = self._unit(unit, symbol, 0 if kind == "b" else 1)
        return Meant(self._whole(Ref(symbol, (place,) if kind == "b" else (self._row(None), place))))

    def _numbered(self, number: int) -> Meant:
        """Return the weight of a number, where weights are numbered through layer by layer."""
        every = list(self.net.weights())
        if self.reading.by_origin:
            every.sort(key=lambda w: (w.target, w.origin, w.to))
        if not 1 <= number <= len(every):
            raise OutOfRange("no_unit", self.name, name=_written(self.name), size=len(every))
        weight = every[number - 1]
        symbol = self._symbol("w", weight.target, weight.source)
        return Meant(self._whole(Ref(symbol, (weight.to, weight.origin))))

    def _scaled(self, meant: Meant) -> Meant:
        """Return what an adjoint means under a reading that takes δ with a minus, or dZ sample by sample."""
        what = meant.what
        if self.less or self.sign < 0:
            return replace(meant, factor=self.sign, less=self._taken_away(what))
        if self.reading.descent and self.kind == "delta":
            return replace(meant, factor=-1)
        if self.reading.per_sample and isinstance(what, Matrix) and what.of and what.symbol.kind not in ("w", "b"):
            return replace(meant, factor=self.program.samples.size or 1)
        return meant

    def _taken_away(self, what: object) -> Ref | Matrix | None:
        """Return the target of an output, or the bias of a z, where a name is that of their difference."""
        if not self.less or self.adjoint or not isinstance(what, Ref | Matrix):
            return None
        symbol = self._symbol(self.less, None if self.less == "true" else what.symbol.layer or self.net.depth)
        if isinstance(what, Matrix):
            return Matrix(symbol)
        if self.less == "true" and len(symbol.dims) != len(what.symbol.dims):
            raise NoMeaning("no_index", self.name, name=self.name.base)  # the target is the number of a class
        return Ref(symbol, what.indices if self.less == "true" else what.indices[-1:])

    def _kronecker(self) -> Meant | None:
        """Return δ_ij as a number: 1 where both indices are equal."""
        if self.name.sup or self.name.suffix or self.matrices or len(self.name.sub.replace(",", "")) != 2:
            return None
        terms = self._terms(self.name.sub, 2)
        return Meant(Number(Fraction(int(terms[0] == terms[1])))) if len(terms) == 2 else None

    # loss, pred, true, x: no layer, so that a number above is a power and a letter or bracket above a sample

    def _plain(self) -> Meant:
        name = self.name
        if self.kind == "loss" and name.sub.lower() in ("total", "tot", self.reading.loss_of.lower()):
            name = replace(name, sub="")
        sample = self._sample(name.suffix) if name.suffix else None
        power = 1
        if name.sup:
            bare = name.sup.strip("()[]")
            if name.sup.isdigit():
                power = int(name.sup)
                if power > 99:
                    raise NoMeaning("no_power", name)
            elif bare in ("L", "l") and self.kind in ("pred", "true"):
                pass
            else:
                sample = self._sample(bare)
        if self.kind == "loss":
            if name.sub or sample is not None:
                raise NoMeaning("no_index", name, name=name.base)
            return Meant(self._whole(self.program.root), power)
        symbol = self._symbol(self.kind, None)
        dims = symbol.dims
        if len(dims) == 1:  # the class of each sample
            if name.sub:
                sample = self._sample(name.sub)
            elif self.matrices and sample is None:
                return Meant(self._matrix(symbol), power)
            return Meant(self._whole(Ref(symbol, (self._row(sample),))), power)
        units = self._terms(name.sub, 1)
        if not units:
            if dims[1].size == 1 and (sample is not None or not self.matrices):
                return Meant(self._whole(Ref(symbol, (self._row(sample), 1))), power)
            return Meant(self._matrix(symbol), power, row=0 if sample is None else self._row(sample))
        first = self.reading.first_input if self.kind == "x" else self.reading.first_unit
        if self.kind == "x" and first == 1 and units[0] == 0 and self._absorbs(1):
            return Meant(Number(Fraction(1)))
        unit = self._unit(units[0] - first + 1, symbol, 1)
        return Meant(self._whole(Ref(symbol, (self._row(sample), unit))), power)

    def _absorbs(self, layer: int) -> bool:
        """Return whether the layer before one with biases has a unit 0 here, which is always 1."""
        written = "0" in re.split("[^0-9]+", self.name.sub) or self.name.sub[-1:] == "0"
        return (written or self.reading.absorbed) and ("b", layer, None) in self.program.symbols

    # w, b, z, a, δ: one for each layer

    def _layered(self) -> Meant:
        name = self.name
        need = INDICES[self.kind]
        if self._of_chain():
            return self._chained(int(name.sub) - self.reading.inputs_number(self.kind))
        single = self.kind == "w" and name.sub.isdigit() and not name.sup and not self.matrices
        single = single and name.base not in self.reading.places
        if single and len(name.sub) == 1 and self.net.depth > 1:
            return self._numbered(int(name.sub))
        layer, source, sample, power = self._above()
        sub = name.sub
        if self.kind == "w" and sub == "0" and layer is not None and ("b", layer, None) in self.program.symbols:
            return self._bias(layer, power)
        if layer is None and (skipped := self._skipping(sub)) is not None:
            (layer, source), sub = skipped, ""
        if layer is None and (inside := self._layer_first(sub)) is not None:
            layer, sub = inside
        if layer is None and sub:
            terms = self._terms(sub, need if not self.matrices else 0)
            if self.matrices and len(terms) == 1 and not (self.kind == "delta" and self.reading.unit_deltas):
                layer, sub = terms[0] - self.reading.inputs_number(self.kind), ""
        if layer is None:
            layer = self._only_layer()
        if not sub:
            symbol = self._at_layer(layer, source)
            alone = all(dim.size == 1 for dim in (symbol.dims if symbol.kind in ("w", "b") else symbol.dims[-1:]))
            if alone and not self.matrices and symbol.kind in ("w", "b"):
                return Meant(self._whole(Ref(symbol, (1,) * need)), power)
            if alone and (sample is not None or not self.matrices) and symbol.kind in ("z", "a", "pred"):
                return Meant(self._whole(Ref(symbol, (self._row(sample), 1))), power)
            return Meant(self._matrix(symbol), power, row=0 if sample is None else self._row(sample))
        terms = self._terms(sub, need)
        symbol = self._at_layer(layer, source)
        if self.kind == "w" and len(terms) == 1 and symbol.dims[0].size == 1:
            # w_i of a layer of one unit: what it leads from
            terms = [self.reading.first_unit, *terms] if self.reading.to_from else [*terms, self.reading.first_unit]
        if len(terms) != need:
            raise NoMeaning("index_count", name, expected=need, read=len(terms))
        if self.kind == "w":
            first = [t - self.reading.first_unit + 1 for t in terms]
            to, origin = first if self.reading.to_from else reversed(first)
            if origin == 0 and self.reading.first_unit == 1 and source is None and self._absorbs(layer):
                bias = self._symbol("b", layer)  # w_j0, the weight of a unit that is always 1
                return Meant(self._whole(Ref(bias, (self._unit(to, bias, 0),))), power)
            place: tuple[int, ...] = (self._unit(to, symbol, 0), self._unit(origin, symbol, 1))
            if symbol.support is not None and place not in symbol.support and not self.net.ties:
                raise OutOfRange("no_edge", name, name=_written(name))
        elif self.kind == "b":
            place = (self._unit(terms[0] - self.reading.first_unit + 1, symbol, 0),)
            if symbol.support is not None and place not in symbol.support:
                raise OutOfRange("no_edge", name, name=_written(name))
        else:
            unit = terms[0] - self.reading.first_unit + 1
            if symbol.kind == "a" and unit == 0 and not self.adjoint and self._absorbs(layer + 1):
                return Meant(Number(Fraction(1)))
            place = (self._row(sample), self._unit(unit, symbol, 1))
        return Meant(self._whole(Ref(symbol, place)), power)

    def _of_chain(self) -> bool:
        """Return whether the number below is a layer since every layer has one unit: w_2, z_2 and a_1 of 1-1-1."""
        name = self.name
        alone = name.sub.isdigit() and len(name.sub) == 1 and not name.sup and name.base not in self.reading.places
        return alone and not self.matrices and all(self.net.size(level) == 1 for level in range(self.net.depth + 1))

    def _chained(self, layer: int) -> Meant:
        symbol = self._at_layer(layer, None)
        if symbol.kind in ("w", "b"):
            return Meant(self._whole(Ref(symbol, (1,) * len(symbol.dims))))
        sample = self._sample(self.name.suffix) if self.name.suffix else None
        return Meant(self._whole(Ref(symbol, (self._row(sample), 1))))

    def _bias(self, layer: int, power: int) -> Meant:
        """Return what W_0^l means beside W^l: the weights of a unit that is always 1."""
        bias = self._symbol("b", layer)
        alone = bias.dims[0].size == 1 and not self.matrices
        return Meant(self._whole(Ref(bias, (1,))) if alone else self._matrix(bias), power)

    def _skipping(self, sub: str) -> tuple[int, int] | None:
        """Return the layers of W_{3,1}, the weights of a connection that skips layers."""
        parts = sub.split(",")
        if self.kind != "w" or len(parts) != 2 or not all(part.isdigit() for part in parts):
            return None
        target, source = (int(part) - self.reading.first_layer for part in parts)
        skips = source != target - 1 and ("w", target, source) in self.program.symbols
        return (target, source) if skips else None

    def _layer_first(self, sub: str) -> tuple[int, str] | None:
        """Return layer and indices of W_{2,kj} or z_{1,j}, where the layer stands below, before a comma."""
        first, *rest = sub.split(",")
        together = ",".join(rest)
        need = INDICES[self.kind]
        pieces = rest if len(rest) > 1 else _side_by_side(together, need) if rest else []
        if len(pieces) != need or not first.isdigit():
            return None
        return int(first) - self.reading.inputs_number(self.kind), ",".join(pieces)

    def _above(self) -> tuple[int | None, int | None, int | None, int]:
        """Return the layer, the layer it skips from, the sample and the power that stand above."""
        name = self.name
        sample = self._sample(name.suffix) if name.suffix else None
        sup = name.sup
        if not sup:
            return None, None, sample, 1
        if self.reading.marks_sample(sup):
            return None, None, self._sample(sup[1]), 1
        if (self.power or self.reading.bracketed) and sup.isdigit() and 1 <= int(sup) <= 99:
            return None, None, sample, int(sup)
        parts = _parts_above(sup)
        if not 1 <= len(parts) <= 2:
            raise NoMeaning("no_superscript", name, read=sup)
        layer = self._term(parts[0]) - self.reading.inputs_number(self.kind)
        source = None
        if len(parts) == 2:
            if self.kind == "w":
                source = self._term(parts[1]) - self.reading.first_layer
            else:
                sample = self._sample(parts[1])
        return layer, source, sample, 1

    def _only_layer(self) -> int:
        """Return the one layer that a name without a layer can mean."""
        if self.name.base in self.reading.places:
            return self.reading.places[self.name.base]
        if self.kind == "delta" and not self.name.sub:
            return self.net.depth
        said = self._layer_of_letters()
        if said is not None:
            return said
        layers = sorted({
            layer for (kind, layer, _) in self.program.symbols if kind == ("z" if self.kind == "delta" else self.kind)
            if layer is not None
        })  # fmt: skip
        if self.kind == "delta" and ("z", self.net.depth, None) not in self.program.symbols:
            layers.append(self.net.depth)
        if not layers and (self.kind == "z" or (self.name.base in "aA" and not self.name.sub)):
            layers.append(self.net.depth)  # of a single layer A, and z where it is linear, is pred
        if len(layers) > 1:  # z beside θ = U h, which is that of another layer
            places = self.reading.places
            others = {layer for base, layer in places.items() if self.reading.kinds.get(base) == self.kind}
            layers = [layer for layer in layers if layer not in others]
        if len(layers) != 1:
            raise NoMeaning("which_layer", self.name, name=_written(self.name))
        return layers[0]

    def _layer_of_letters(self) -> int | None:
        """Return the layer that the letters below a name say."""
        letters = [letter for letter in self.name.sub if letter in self.layers]
        if self.kind != "w":
            return self.layers[letters[0]] if letters else None
        for to, letter in enumerate(self.name.sub.replace(",", "")):
            if letter in self.layers:
                return self.layers[letter] + (0 if (to == 0) == self.reading.to_from else 1)
        return None

    def _at_layer(self, layer: int, source: int | None) -> Symbol:
        """Return the symbol of a layer: a^0 is x, the last a is pred, a linear output's z is pred."""
        kind = "z" if self.kind == "delta" else self.kind
        if kind == "a" and layer == 0:
            return self._symbol("x", None)
        if kind in ("a", "z") and layer == self.net.depth and ("z", layer, None) not in self.program.symbols:
            return self._symbol("pred", None)
        if kind == "a" and layer == self.net.depth and ("a", layer, None) not in self.program.symbols:
            return self._symbol("pred", None)
        if kind == "w":
            return self._symbol("w", layer, layer - 1 if source is None else source)
        return self._symbol(kind, layer)

    def _symbol(self, kind: str, layer: int | None, source: int | None = None) -> Symbol:
        found = self.program.symbols.get((kind, layer, source))
        if found is None:
            raise OutOfRange("no_layer", self.name, name=_written(self.name), depth=self.net.depth)
        return found

    def _whole(self, ref: Ref | Partial) -> Ref | Partial:
        """Return the atom, or ∂loss/∂atom where the name is that of an adjoint."""
        if self.kind == "delta" or self.adjoint:
            root = self.program.root
            return Partial(root, ref)
        return ref

    def _matrix(self, symbol: Symbol) -> Matrix:
        root = self.program.root
        assert isinstance(root, Ref)
        return Matrix(symbol, of=root.symbol if self.kind == "delta" or self.adjoint else None)

    # indices

    def _row(self, sample: int | None) -> int:
        if sample is None:
            if self.program.samples.size != 1:
                raise NoMeaning("which_sample", self.name, name=_written(self.name))
            return 1
        if not 1 <= sample <= (self.program.samples.size or 1):
            raise OutOfRange("no_sample", self.name, name=_written(self.name))
        return sample

    def _sample(self, text: str) -> int:
        return self._term(text)

    def _unit(self, unit: int, symbol: Symbol, axis: int) -> int:
        size = symbol.dims[axis].size or 0
        if not 1 <= unit <= size:
            raise OutOfRange("no_unit", self.name, name=_written(self.name), size=size)
        return unit

    def _terms(self, sub: str, need: int) -> list[int]:
        if not sub:
            return []
        parts = sub.split(",") if "," in sub else _side_by_side(sub, need)
        return [self._term(part) for part in parts]

    def _term(self, text: str) -> int:
        match = _TERM.fullmatch(text)
        if match is None:
            raise NoMeaning("no_index_text", self.name, read=text)
        base, sign, shift = match.groups()
        if base.isdigit():
            value = int(base)
        elif base == "L" and base not in self.environment:
            value = self.net.depth + self.reading.first_layer
        elif base in self.environment:
            value = self.environment[base]
        else:
            raise LetterIndex(base, self.name)
        if shift:
            value += int(shift) if sign == "+" else -int(shift)
        return value


_LETTER = re.compile(r"[A-Za-zα-ω]")
_ROLE = re.compile(r"([iho])_?([0-9]{1,3})")
_TERM = re.compile(r"([0-9]{1,6}|[A-Za-zα-ω])(?:([+-])([0-9]{1,6}))?")
_PIECE = re.compile(r"(?:[A-Za-zα-ω]|[0-9])(?:[+-][0-9]{1,6})?")
_ABOVE = re.compile(r"[\[(]([^\[\]()]+)[\])]|([^\[\](),]+)")


def _side_by_side(sub: str, need: int) -> list[str]:
    """Return indices that stand side by side: `12` is one number for a unit, two for a weight; `ij-1` is i and j−1."""
    if need <= 1:
        return [sub]
    pieces = _PIECE.findall(sub)
    return pieces if "".join(pieces) == sub else [sub]


@lru_cache(maxsize=4096)
def _parts_above(sup: str) -> tuple[str, ...]:
    """Return what stands above, part by part: `[2](n)` is 2 and n, `3,1` and `(3,1)` are 3 and 1."""
    return tuple(part for first, second in _ABOVE.findall(sup) for part in (first or second).split(","))


def role_of(name: Name) -> re.Match[str] | None:
    """Return the role and the number of a unit in out_{h1} or net_{o2}; w_{h1} is a weight with two indices."""
    if name.sup or name.base in vocabulary()["usual"]["w"]:
        return None
    return _ROLE.fullmatch(name.sub)


def letters(name: Name) -> tuple[tuple[str, str], ...]:
    """Return the letters among a name's indices, with where they stand: sub, sup or suffix."""
    return _letters("" if role_of(name) else name.sub, name.sup, name.suffix)


@lru_cache(maxsize=4096)
def _letters(sub: str, sup: str, suffix: str) -> tuple[tuple[str, str], ...]:
    places = (("sub", sub), ("sup", sup), ("suffix", suffix))
    return tuple((letter, place) for place, text in places for letter in _LETTER.findall(text))


def _written(name: Name) -> str:
    """Return a name as it is written, in plain spelling."""
    sub = "" if not name.sub else f"_{name.sub}" if len(name.sub) <= 2 else f"_{{{name.sub}}}"
    sup = "" if not name.sup else f"^{name.sup}" if len(name.sup) <= 1 else f"^{{{name.sup}}}"
    suffix = f"[{name.suffix}]" if name.suffix else ""
    return name.base + sub + sup + suffix


written = _written
