"""One sample by itself: what code for it writes alike, on this machine (`single`) and on a small one (`embedded`)."""

from __future__ import annotations

from chainrule.expr import Atom
from chainrule.native.looped import Looped
from chainrule.native.lower import Column, Loss, Operation, Outer, Places, identifier


class OneSample(Looped):
    """Writes the operations for one sample; what is summed over samples elsewhere goes to the gradient at once."""

    def _operation(self, operation: Operation) -> list[str]:
        match operation:
            case Outer(left, right, places):
                return self._summed(places, f"{self._numbers(left)}[u] * {self._numbers(right)}[j]")
            case Column(left, places):
                return self._summed(places[None, :], f"{self._numbers(left)}[u]")
            case Loss(_, body):
                scribe = self._scribe("  ")
                text = scribe.vector(body)
                return [*scribe.before, f"  sum += {text};"]
            case _:
                return super()._operation(operation)

    def _numbers(self, atom: Atom) -> str:
        """Return the array of the units' numbers."""
        return identifier(atom)

    def _summed(self, places: Places, value: str) -> list[str]:
        """Write what the sample gives to the gradient: `value` at each place, of the j-th row and the u-th column."""
        raise NotImplementedError
