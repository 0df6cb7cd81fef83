"""The symbols that stand in a drawing, spelled by the notation; the only place here that knows of notations.

A drawing needs few symbols of a network, and not its Program: a layer of a million units has a name for its first unit
without anything being built for the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from chainrule.expr import Dim, Ref, Symbol
from chainrule.network import Activation
from chainrule.notation import Spelled, plain
from chainrule.rules import LOSSES

if TYPE_CHECKING:
    from chainrule.network import Network, Weight
    from chainrule.notation import Notation


@dataclass(frozen=True, slots=True)
class Glyph:
    """A symbol ready to be set.

    Attributes:
        prefix: what stands before the letter, as in ∂loss/∂.
        base: the letter or word, set in italics.
        sub, sup: below and above, one over the other.
        suffix: what follows.
        latex: the whole in TeX's mathematics.
        plain: its plain spelling, whatever the notation.
    """

    base: str
    sub: str = ""
    sup: str = ""
    suffix: str = ""
    prefix: str = ""
    latex: str = ""
    plain: str = ""


def spell(notation: Notation, ref: Ref) -> Glyph:
    """Return a symbol's glyph in a notation.

    Example:
        >>> from chainrule.notation import load
        >>> spell(load("parens"), Ref(Symbol("loss"))).latex
        'L'
    """
    return _glyph(notation.spell(ref), notation.spell(ref, "latex"), plain(ref))


def spell_adjoint(notation: Notation, ref: Ref) -> Glyph:
    """Return the glyph of ∂loss/∂ref: the notation's own name for it, or a fraction on one line."""
    own, own_latex = notation.spell_adjoint(ref), notation.spell_adjoint(ref, "latex")
    name = f"∂loss/∂{plain(ref)}"
    if own is not None and own_latex is not None:
        return _glyph(own, own_latex, name)
    loss, by = spell(notation, Ref(Symbol("loss"))), spell(notation, ref)
    latex = rf"\partial {loss.latex}/\partial {by.latex}"
    return replace(by, prefix=f"∂{loss.base}/∂", latex=latex, plain=name)


def _glyph(text: Spelled, latex: Spelled, name: str) -> Glyph:
    base = latex.base if len(latex.base) == 1 or "\\" in latex.base else rf"\mathit{{{latex.base}}}"
    tex = base + (f"_{{{latex.sub}}}" if latex.sub else "") + (f"^{{{latex.sup}}}" if latex.sup else "") + latex.suffix
    return Glyph(text.base, text.sub, text.sup, text.suffix, latex=tex, plain=name)


class Namer:
    """The symbols of one network, as Refs; units count from 1 and layer 0 is the inputs."""

    def __init__(self, net: Network) -> None:
        self.net = net
        self._sample = Dim("samples", 1)
        self._chief = {weight: group[0] for group in net.ties for weight in group}

    def _units(self, level: int) -> Dim:
        return Dim(f"layer {level}", self.net.size(level))

    @cached_property
    def _outputs(self) -> Dim:
        net = self.net
        return self._units(net.depth) if net.reads_last_layer else Dim("outputs", len(net.outputs))

    def chief(self, weight: Weight) -> Weight:
        """Return the weight that speaks for a tied one; the weight itself where it is not tied."""
        return self._chief.get(weight, weight)

    def weight(self, weight: Weight) -> Ref:
        """Return the symbol of a weight: of its representative, where it is tied."""
        w = self.chief(weight)
        symbol = Symbol("w", (self._units(w.target), self._units(w.source)), w.target, w.source)
        return Ref(symbol, (w.to, w.origin))

    def bias(self, level: int, unit: int) -> Ref:
        """Return the symbol of a bias."""
        return Ref(Symbol("b", (self._units(level),), level), (unit,))

    def unit(self, level: int, unit: int) -> Ref:
        """Return the symbol of what a unit puts out: x, a or pred."""
        if level == 0:
            return Ref(Symbol("x", (self._sample, self._units(0))), (1, unit))
        if level == self.net.depth and self.net.reads_last_layer:
            return self.output(unit)
        return Ref(Symbol("a", (self._sample, self._units(level)), level), (1, unit))

    def before(self, level: int, unit: int) -> Ref:
        """Return the symbol of a unit's weighted sum: z, or pred where a linear output has no z of its own."""
        if self.has_sum(level):
            return Ref(Symbol("z", (self._sample, self._units(level)), level), (1, unit))
        return self.unit(level, unit)

    def has_sum(self, level: int) -> bool:
        """Return whether a layer's units have a z of their own, as the Program writes them."""
        net = self.net
        last = level == net.depth and net.reads_last_layer
        return level > 0 and not (last and net.layers[-1].activations == (Activation("identity"),))

    def output(self, number: int) -> Ref:
        """Return the symbol of an output: pred, or pred_1, pred_2, and so on."""
        return Ref(Symbol("pred", (self._sample, self._outputs)), (1, number))

    def target(self, number: int) -> Ref:
        """Return the symbol of a target: true_1, true_2, and so on; just true, where the loss takes a class."""
        if LOSSES[self.net.loss.name].class_index:
            return Ref(Symbol("true", (self._sample,)), (1,))
        return Ref(Symbol("true", (self._sample, self._outputs)), (1, number))

    @property
    def loss(self) -> Ref:
        """The symbol loss."""
        return Ref(Symbol("loss"))
