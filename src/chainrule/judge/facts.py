"""What a chain of equations speaks of: whole matrices or numbers, how many samples, which letters run.

All of it follows from how its names are written, under a reading; nothing is evaluated.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from chainrule.judge.general import variable
from chainrule.judge.layers import in_chain, layerings
from chainrule.judge.reading import SHIFTED, Environment, Reading, differentiated, letters
from chainrule.judge.syntax import Chain, LetterCondition, Name, Node, Side, Summation
from chainrule.judge.tokens import ONES
from chainrule.rules import LOSSES

if TYPE_CHECKING:
    from chainrule.network import Network

Key = tuple[str, str, str]
"""A name without its place: base, below, above."""

SAMPLES = 3
"""How many samples stand in the matrices of a batch."""

MOST_PLACES = 1_000
"""How many values of running letters are looked at, places that the network does not have among them."""


def numbered_samples(net: Network) -> int:
    """Return how many samples there are where they are told apart: those that the network's sheet gives, if several."""
    given = len(net.given.inputs)
    return given if given > 1 else SAMPLES


class Facts:
    """What a chain speaks of, found when it is asked for.

    Attributes:
        chain: the chain.
        net: the network.
        reading: what names mean.
        bindings: the document's definitions.
        everywhere: of which layer the units are that a letter counts throughout the document.
    """

    def __init__(
        self, chain: Chain, net: Network, reading: Reading, bindings: Mapping[Key, Node], everywhere: Mapping[str, int],
        whole: dict[Key, bool],
    ) -> None:  # fmt: skip
        self.chain = chain
        self.net = net
        self.reading = reading
        self.bindings = bindings
        self.everywhere = everywhere
        self._known_whole = whole

    @cached_property
    def variable(self) -> Name | None:
        """The argument of an equation about functions in general, or None."""
        return variable(self.chain)

    @cached_property
    def matrices(self) -> bool:
        """Whether it speaks of whole matrices (or of vectors: z^l without a unit)."""
        return self.variable is None and (any(map(self._holds_matrix, self.chain.sides)) or self._of_whole_outputs)

    @property
    def _of_whole_outputs(self) -> bool:
        """Whether it speaks of Y and T, the outputs of a batch, and of no unit and no edge; L = ½ (Y − T)² does not.

        Where the document says how many samples there are, so are pred and true.
        """
        first = self.chain.sides[0].node
        if not self.reading.whole_outputs or (isinstance(first, Name) and self.reading.kinds.get(first.base) == "loss"):
            return False
        bare = not any(name.sub for name in self.chain.names)
        return bare and any(
            self.reading.kind_of(name) in ("pred", "true")
            and not name.sup
            and not name.suffix
            and (self._capital(name) or self.reading.samples > 1)
            for name in self.chain.names
        )

    @cached_property
    def laid_out(self) -> bool:
        """Whether it can matter to it how matrices are laid out: ∇_w L and x may be vectors."""
        return self.matrices or not all(map(self._one_number, self.chain.names))

    @property
    def of_columns(self) -> bool:
        """Whether it is a forward statement about a column, though the document's matrices have samples as rows."""
        mixed = self.reading.whole_outputs and self.reading.rows and self.matrices and self.chain.states_forward
        return mixed and not any(
            name.base == ONES or (self._capital(name) and self.reading.kind_of(name) in ("x", "z", "a", "pred", "true"))
            for name in self.chain.names
        )

    @cached_property
    def samples(self) -> int:
        """How many samples it speaks of: several where it marks a sample or holds whole matrices."""
        if self.variable is not None:
            return 1
        if any(map(self._marks_sample, self.chain.names)):
            return self.reading.samples or numbered_samples(self.net)
        if any(map(self._unit, self.chain.names)):
            return 1  # beside numbers of units, what is whole is that of one sample
        return (self.reading.samples or SAMPLES) if self.matrices and self.reading.batch else 1

    @cached_property
    def layers(self) -> Mapping[str, int]:
        """Of which layer the units are that a letter counts."""
        bound = [part.letter for side in self.chain.sides for part in side.parts if isinstance(part, Summation)]
        return in_chain(self.chain.names, self.everywhere, self.reading, self.net.depth, bound)

    @cached_property
    def layerings(self) -> tuple[Mapping[str, int], ...]:
        """What the layers could be where the chain is one about any layer."""
        return layerings(self.chain.names, self.layers, self.reading, self.net.depth)

    @cached_property
    def letters(self) -> dict[str, str]:
        """The letters that run, each with what it counts: layer, unit or sample."""
        found: dict[str, str] = {}
        if self.variable is not None:
            return found
        for side in self.chain.sides:
            bound: set[str] | None = None
            for name in side.names:
                own = letters(name)
                if not own or (name.base, name.sub, name.sup) in self.bindings:
                    continue
                kind = self.reading.kinds.get(name.base, "")
                if not kind or kind == "samples":
                    continue
                if bound is None:
                    bound = {part.letter for part in side.parts if isinstance(part, Summation)}
                layered = kind.removeprefix("d") in ("w", "b", "z", "a", "delta", "elta")
                for letter, place in own:
                    if letter == "L" or (letter in bound and letter not in found) or self._is_class(letter):
                        continue
                    if kind == "loss" and place == "sub":
                        continue  # E_total has no index
                    above = layered and place == "sup" and not self.reading.marks_sample(name.sup)
                    what = "unit" if place == "sub" else "layer" if above else "sample"
                    if letter not in found or what == "layer":
                        found[letter] = what
        return found

    def _is_class(self, letter: str) -> bool:
        """Return whether a letter is the target, the number of a class: p_y."""
        return self.reading.kinds.get(letter) == "true" and LOSSES[self.net.loss.name].class_index

    def environments(self) -> Iterator[Environment]:
        """Yield the values of the letters that run, at which the chain is tried."""
        running = self.letters
        if not running:
            yield {}
            return
        sizes = sorted({self.net.size(level) for level in range(self.net.depth + 1)})
        units = sorted({0, 1, 2, 3, *sizes, *(size - 1 for size in sizes)})
        domain = {
            "layer": list(range(self.net.depth + 2)),
            "unit": units,
            "sample": list(range(1, (self.reading.samples or numbered_samples(self.net)) + 1)),
        }
        if sum(what == "unit" for what in running.values()) > 3:
            domain["unit"] = [0, 1, 2, sizes[-1]]
        ranges = [domain[what] for what in running.values()]
        everything = itertools.product(*ranges)
        total = int(np.prod([len(r) for r in ranges], dtype=float))
        step = 1 if total <= MOST_PLACES else total // MOST_PLACES * 2 + 1
        for place in itertools.islice(everything, 0, None, step):
            environment = dict(zip(running, place, strict=True))
            if all(_holds(condition, environment) for condition in self.chain.conditions):
                yield environment

    # Names

    def _unit(self, name: Name) -> bool:
        """Return whether a name is that of one unit's z, a or δ."""
        kind = self.reading.kind_of(name)
        if kind in ("pred", "true"):
            return name.sub.isdigit() and not name.sup and not self._capital(name)
        return kind in ("z", "a", "delta") and bool(name.sub) and bool(name.sup) and not self._whole(name)

    def _one_number(self, name: Name) -> bool:
        """Return whether a name is that of a single number for sure."""
        if name.sub and name.base not in self.reading.places:
            return True
        kind = self.reading.kind_of(name)
        return kind not in ("x", "w", "b", "z", "a", "delta") and (
            kind not in ("pred", "true") or self.net.size(self.net.depth) == 1
        )

    def _marks_sample(self, name: Name) -> bool:
        if name.suffix:
            return True
        if not name.sup or name.sup.isdigit():
            return False
        kind = self.reading.kinds.get(name.base, "")
        kind = SHIFTED[kind][0] if kind in SHIFTED else kind
        if kind in ("x", "pred", "true", "a", "z", "delta"):
            parts = name.sup.count("(") + name.sup.count("[")
            alone = name.sup.strip("()[]")
            if self.reading.marks_sample(name.sup):
                return True
            if kind in ("x", "pred", "true"):
                return alone != "L"
            return parts == 2 or ")(" in name.sup or "](" in name.sup or "," in name.sup
        return False

    def _holds_matrix(self, side: Side) -> bool:
        return side.of_matrices or any(map(self._whole, side.names))

    def _whole(self, name: Name) -> bool:
        """Return whether a name is that of a whole matrix or vector, whatever stands beside it."""
        key = (name.base, name.sub, name.sup)
        if key in self.bindings:
            return name.base == ONES
        found = self._known_whole.get(key)
        if found is None:
            found = self._known_whole[key] = self._is_whole(name)
        return found

    def _is_whole(self, name: Name) -> bool:
        if name.base == ONES:
            return True
        kind = self.reading.kind_of(name)
        if self.reading.whole(name, kind):
            return True
        if name.base in self.reading.places and name.sub:
            return False  # its layer is known: what stands below is a unit
        if kind in ("w", "z", "a", "b", "delta"):
            capital = self._capital(name) and kind in ("w", "z", "a")
            if name.sub and capital and name.sup:
                return False
            if name.sub and capital:
                if kind == "w" and self._skips(name.sub):
                    return True
                return len(name.sub.split(",")) == 1 and not (kind == "w" and len(name.sub) == 2)
            if kind == "delta" and name.sub.isdigit() and not name.sup:
                return not self.reading.unit_deltas  # δ_2 is that of layer 2
            if not name.sub and name.sup:
                return capital or kind == "w" or self._width(name.sup, kind) != 1
            return capital and not name.sub
        if kind == "x":
            return not name.sub and name.base[0].isupper()
        return False

    def _capital(self, name: Name) -> bool:
        """Return whether a name's own letter is a capital: that of dZ is Z."""
        kind = self.reading.kinds.get(name.base, "")
        adjoint = differentiated(kind) != kind
        return (name.base[1:] if adjoint else name.base)[:1].isupper()

    def _skips(self, sub: str) -> bool:
        """Return whether what stands below a W are the layers of a connection that skips some: W_{3,1}."""
        parts = sub.split(",")
        if len(parts) != 2 or not all(part.isdigit() for part in parts):
            return False
        target, source = (int(part) - self.reading.first_layer for part in parts)
        return source != target - 1 and any((c.target, c.source) == (target, source) for c in self.net.connections)

    def _width(self, sup: str, kind: str) -> int:
        """Return how many units the layer has that stands above a name; 0 where that is not plain."""
        bare = sup.strip("()[]")
        if not bare.isdigit() and bare != "L":
            return 0
        level = self.net.depth if bare == "L" else int(bare) - self.reading.inputs_number(kind)
        return self.net.size(level) if 0 <= level <= self.net.depth else 0


def _holds(condition: LetterCondition, environment: Environment) -> bool:
    """Return whether letters are as a condition says; one that does not run is nowhere else."""
    one, relation, other = condition
    if one not in environment or other not in environment:
        return True
    return (environment[one] == environment[other]) == (relation == "=")
