"""One chain of equations judged under one reading of one network.

For every `=` there are two questions, answered apart: are its two sides equal, and does the right one have the value
that the line's target has? A side is evaluated at random points (`chainrule.judge.world`), for every value of the
letters that run (`∂L/∂w_{ij}^l` is as many equations as there are weights).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.expr import Matrix, Partial, Ref, Symbol
from chainrule.judge.general import is_constant, off_by, puts_numbers_in, uncertainty, updates, variable
from chainrule.judge.layers import in_chain, layerings
from chainrule.judge.meaning import Interpreter, Key, NotJudged, ShapesClash, Val, names
from chainrule.judge.numbers import Numbers, Sameness, TooLarge
from chainrule.judge.reading import Environment, NoMeaning, OutOfRange, Reading, letters, written
from chainrule.judge.syntax import (
    Chain,
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
    Side,
    Summation,
    Times,
    Total,
    Transposed,
    Unread,
)
from chainrule.judge.tokens import ONES
from chainrule.judge.world import World

if TYPE_CHECKING:
    from chainrule.network import Network

Array = np.ndarray[Any, Any]

MOST_PLACES = 1_000
"""How many values of running letters are looked at, places that the network does not have among them."""

MOST_INSTANCES = 240
"""The most values of running letters at which a general line is tried."""

PUT_IN = 5e-4
"""How far a side with numbers put in may be off, as a share of its size: four digits."""

MOST_KNOWN = 4_000
"""How many chains are remembered by what they speak of."""

SAMPLES = 3
"""How many samples stand in the matrices of a batch."""

MORE_SAMPLES = 5
"""How many there are where a number could be taken for that of the samples."""

EQUALITIES = frozenset(("=", ":=", "≡", "≜"))
"""The relations that claim that two sides are equal."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a side has no value: a key under `check.unread`, its facts, and the place in the side's source."""

    reason: str
    facts: Mapping[str, object]
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Clash:
    """Matrices in a side, or its two sides, whose shapes do not fit."""

    operation: str
    left: tuple[int, ...]
    right: tuple[int, ...]
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape that a side states."""

    sizes: tuple[int, ...]


Outcome = Val | Shape | Trouble | Clash
"""What a side comes to: a value, a shape, or why there is neither."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is found of one `=`.

    Attributes:
        equal: whether both sides are equal; None where one of them could not be read.
        value_right: whether the right side has the value of the target.
        trouble: why a side could not be read.
        clash: shapes that do not fit.
        zero: whether both sides are 0 everywhere.
    """

    equal: bool | None
    value_right: bool | None
    trouble: Trouble | None = None
    clash: Clash | None = None
    zero: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """A wrong value that a line gives to ∂loss/∂(a symbol at its place, or a whole matrix)."""

    by: Ref | Symbol
    line: int
    samples: int
    value: Array


@dataclass(frozen=True, slots=True)
class Facts:
    """What a chain speaks of, under a reading and the document's definitions."""

    chain: Chain
    bindings: dict[Key, Node]
    matrices: bool
    samples: int
    letters: dict[str, str]
    variable: Name | None
    layers: Mapping[str, int]
    layerings: tuple[Mapping[str, int], ...]
    everywhere: Mapping[str, int]


@dataclass
class Court:
    """A network under a reading, with what the document has said so far.

    Attributes:
        net: the network.
        reading: what names mean.
        bindings: the document's own definitions.
        claims: what earlier lines say of partials of the loss, where it is wrong.
        worlds: the network's numbers, by how many samples they have.
        letter_layers: of which layer the units are that a letter counts throughout the document.
    """

    net: Network
    reading: Reading
    bindings: dict[Key, Node] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    worlds: dict[int, Numbers] = field(default_factory=dict)
    letter_layers: Mapping[str, int] = field(default_factory=dict)
    _known: dict[tuple[int, int], Facts] = field(default_factory=dict, repr=False)

    def numbers(self, samples: int) -> Numbers:
        """Return the network's numbers for a number of samples."""
        found = self.worlds.get(samples)
        if found is None:
            found = self.worlds[samples] = Numbers(World(self.net, samples=samples))
        return found

    def under(self, reading: Reading) -> Court:
        """Return a court for the same network under another reading; the numbers are shared."""
        return Court(self.net, reading, worlds=self.worlds)

    # One chain

    def _facts(self, chain: Chain) -> Facts:
        """Return what a chain speaks of, looked at once."""
        own = (id(chain), len(self.bindings))
        known = self._known.get(own)
        if (
            known is None or known.chain is not chain or known.bindings != self.bindings
            or known.everywhere != self.letter_layers
        ):  # fmt: skip
            if len(self._known) > MOST_KNOWN:
                self._known.clear()
            matrices = self._speaks_of_matrices(chain)
            argument = variable(chain, names)
            matrices = matrices and argument is None
            samples = 1 if argument is not None else self._samples(chain, matrices)
            running = {} if argument is not None else self._letters(chain)
            layers = self._layers(chain)
            known = Facts(
                chain, self.bindings, matrices, samples, running, argument, layers, self._layerings(chain, layers),
                self.letter_layers,
            )  # fmt: skip
            self._known[own] = known
        return known

    def samples_for(self, chain: Chain) -> int:
        """Return how many samples a chain speaks of: several where it marks a sample or holds whole matrices."""
        return self._facts(chain).samples

    def matrices(self, chain: Chain) -> bool:
        """Return whether a chain speaks of whole matrices (or of vectors: z^l without a unit)."""
        return self._facts(chain).matrices

    def letters(self, chain: Chain) -> dict[str, str]:
        """Return the letters that run in a chain, each with what it counts: layer, unit or sample."""
        return self._facts(chain).letters

    def _layers(self, chain: Chain) -> Mapping[str, int]:
        nodes = [side.node for side in chain.sides if not isinstance(side.node, Unread)]
        found = [name for node in nodes for name in names(node)]
        bound = [part.letter for node in nodes for part in parts_of(node) if isinstance(part, Summation)]
        return in_chain(found, self.letter_layers, self.reading, self.net.depth, bound)

    def _layerings(self, chain: Chain, layers: Mapping[str, int]) -> tuple[Mapping[str, int], ...]:
        found = [name for side in chain.sides if not isinstance(side.node, Unread) for name in names(side.node)]
        return layerings(found, layers, self.reading, self.net.depth)

    def _samples(self, chain: Chain, matrices: bool) -> int:
        found = [name for side in chain.sides if not isinstance(side.node, Unread) for name in names(side.node)]
        if any(self._marks_sample(name) for name in found):
            return self.numbered_samples
        if any(self._unit(name) for name in found):
            return 1  # beside numbers of units, what is whole is that of one sample
        return SAMPLES if matrices and self.reading.batch else 1

    @cached_property
    def numbered_samples(self) -> int:
        """How many samples there are where they are told apart: those that the network's sheet gives, if several."""
        given = len(self.net.given.inputs)
        return given if given > 1 else SAMPLES

    def _unit(self, name: Name) -> bool:
        """Return whether a name is that of one unit's z, a or δ."""
        kind = self.reading.kinds.get(name.base, "")
        kind = kind[1:] if kind.startswith("d") and kind != "delta" else kind
        if kind in ("pred", "true"):
            return name.sub.isdigit() and not name.sup and not _capital(name, self.reading)
        return kind in ("z", "a", "delta") and bool(name.sub) and bool(name.sup) and not self._whole(name)

    def _marks_sample(self, name: Name) -> bool:
        if name.suffix:
            return True
        kind = self.reading.kinds.get(name.base)
        if kind in ("x", "pred", "true", "a", "z", "delta") and name.sup:
            parts = name.sup.count("(") + name.sup.count("[")
            alone = name.sup.strip("()[]")
            if kind in ("x", "pred", "true"):
                return not name.sup.isdigit() and alone != "L"
            return parts == 2 or ")(" in name.sup or "](" in name.sup or "," in name.sup
        return False

    def _speaks_of_matrices(self, chain: Chain) -> bool:
        return any(not isinstance(side.node, Unread) and self._holds_matrix(side.node, chain) for side in chain.sides)

    def _holds_matrix(self, node: Node, chain: Chain) -> bool:
        if any(isinstance(part, Transposed | ShapeOf | Listed) for part in parts_of(node)):
            return True
        if any(isinstance(part, Times) and {"⊙", "⊗", "@"} & set(part.marks) for part in parts_of(node)):
            return True
        return any(self._whole(name) for name in names(node))

    def _whole(self, name: Name) -> bool:
        """Return whether a name is that of a whole matrix or vector, whatever stands beside it."""
        if name.base == ONES:
            return True
        kind = self.reading.kinds.get(name.base, "")
        kind = kind[1:] if kind.startswith("d") and kind != "delta" else kind
        if (name.base, name.sub, name.sup) in self.bindings:
            return False
        if self.reading.whole(name, kind):
            return True
        if name.base in self.reading.places and name.sub:
            return False  # its layer is known: what stands below is a unit
        if kind in ("w", "z", "a", "b", "delta"):
            capital = _capital(name, self.reading) and kind in ("w", "z", "a")
            if name.sub and capital and name.sup:
                return False
            if name.sub and capital:
                if kind == "w" and self._skips(name.sub):
                    return True
                return len(name.sub.split(",")) == 1 and not (kind == "w" and len(name.sub) == 2)
            if kind == "delta" and name.sub.isdigit() and not name.sup:
                return not self.reading.unit_deltas  # δ_2 is that of layer 2
            if not name.sub and name.sup:
                return capital or kind == "w" or self._width(name.sup) != 1
            return capital and not name.sub
        if kind == "x":
            return not name.sub and name.base[0].isupper()
        return False

    def _skips(self, sub: str) -> bool:
        """Return whether what stands below a W are the layers of a connection that skips some: W_{3,1}."""
        parts = sub.split(",")
        if len(parts) != 2 or not all(part.isdigit() for part in parts):
            return False
        target, source = (int(part) - self.reading.first_layer for part in parts)
        return source != target - 1 and any((c.target, c.source) == (target, source) for c in self.net.connections)

    def _width(self, sup: str) -> int:
        """Return how many units the layer has that stands above a name; 0 where that is not plain."""
        bare = sup.strip("()[]")
        if not bare.isdigit() and bare != "L":
            return 0
        level = self.net.depth if bare == "L" else int(bare) - self.reading.first_layer
        return self.net.size(level) if 0 <= level <= self.net.depth else 0

    def _letters(self, chain: Chain) -> dict[str, str]:
        found: dict[str, str] = {}
        for side in chain.sides:
            if isinstance(side.node, Unread):
                continue
            bound = {part.letter for part in parts_of(side.node) if isinstance(part, Summation)}
            for name in names(side.node):
                if (name.base, name.sub, name.sup) in self.bindings:
                    continue
                kind = self.reading.kinds.get(name.base, "")
                if not kind or kind == "samples":
                    continue
                layered = kind.removeprefix("d") in ("w", "b", "z", "a", "delta", "elta")
                for letter, place in letters(name):
                    if letter == "L" or (letter in bound and letter not in found):
                        continue
                    what = "unit" if place == "sub" else "layer" if layered and place == "sup" else "sample"
                    if letter not in found or what == "layer":
                        found[letter] = what
        return found

    def environments(self, chain: Chain) -> Iterator[Environment]:
        """Yield the values of the letters that run, at which a chain is tried."""
        running = self.letters(chain)
        if not running:
            yield {}
            return
        sizes = sorted({self.net.size(level) for level in range(self.net.depth + 1)})
        units = sorted({0, 1, 2, 3, *sizes, *(size - 1 for size in sizes)})
        domain = {
            "layer": list(range(self.net.depth + 2)),
            "unit": units,
            "sample": list(range(1, self.numbered_samples + 1)),
        }
        if sum(what == "unit" for what in running.values()) > 3:
            domain["unit"] = [0, 1, 2, sizes[-1]]
        ranges = [domain[what] for what in running.values()]
        everything = itertools.product(*ranges)
        total = int(np.prod([len(r) for r in ranges], dtype=float))
        step = 1 if total <= MOST_PLACES else total // MOST_PLACES * 2 + 1
        for place in itertools.islice(everything, 0, None, step):
            yield dict(zip(running, place, strict=True))

    def interpreter(self, chain: Chain, *, claims: Mapping[Ref | Symbol, Array] | None = None, total: bool = False,
                    numbers: Numbers | None = None) -> Interpreter:  # fmt: skip
        """Return an interpreter for a chain."""
        own = numbers if numbers is not None else self.numbers(self.samples_for(chain))
        return Interpreter(
            own, self.reading, bindings=self.bindings, matrices=self.matrices(chain), claims=claims, total=total,
            layers=self._facts(chain).layers, variable=self._facts(chain).variable,
        )  # fmt: skip

    def findings(self, chain: Chain) -> list[Finding]:
        """Return what is found of every `=` of a chain, in order."""
        found = self._findings(chain, self.interpreter(chain))
        if all(f.trouble is not None for f in found) and any(_homeless(f) for f in found):
            found = self._anywhere(chain) or found
        if any(f.equal for f in found) and self._may_count_samples(chain):
            # What holds for so many samples only, as a 3 in place of n does, does not hold.
            more = self.interpreter(chain, numbers=self.numbers(MORE_SAMPLES))
            found = [
                f if f.equal is not True or other.equal else other
                for f, other in zip(found, self._findings(chain, more), strict=True)
            ]
        if any(f.equal is False for f in found) and self.net_skips:
            # Where connections skip layers ∂q/∂s can mean the direct edge, or all paths: either is a right reading.
            other = self._findings(chain, self.interpreter(chain, total=True))
            if sum(f.equal is True for f in other) > sum(f.equal is True for f in found):
                return other
        return found

    def _anywhere(self, chain: Chain) -> list[Finding] | None:
        """Return what is found of a chain about any layer: true where it is true of every layer that it fits."""
        found: list[Finding] | None = None
        for layers in self._facts(chain).layerings:
            interpreter = self.interpreter(chain)
            interpreter.layers = layers
            here = self._findings(chain, interpreter)
            if all(f.trouble is not None and f.trouble.reason in _RANGE for f in here):
                continue
            worse = here if found is None else [b if a.equal is True else a for a, b in zip(found, here, strict=True)]
            found = worse
        return found

    def _may_count_samples(self, chain: Chain) -> bool:
        """Return whether a number on a line could be the number of samples, which no document knows."""
        if self.samples_for(chain) != SAMPLES or self.numbered_samples != SAMPLES or len(self.net.given.inputs) > 1:
            return False
        nodes = [side.node for side in chain.sides if not isinstance(side.node, Unread)]
        parts = [part for node in nodes for part in parts_of(node)]
        numbers = {part.value for part in parts if isinstance(part, Literal)}
        if any(isinstance(part, ShapeOf | Listed) for part in parts):
            return False
        return any(value != 0 and (value % SAMPLES == 0 or (1 / value) % SAMPLES == 0) for value in numbers)

    @property
    def net_skips(self) -> bool:
        """Whether connections skip layers."""
        return any(c.source != c.target - 1 for c in self.net.connections)

    def _findings(self, chain: Chain, interpreter: Interpreter) -> list[Finding]:
        links = len(chain.sides) - 1
        found: list[Finding | None] = [None] * links
        last: list[Outcome] | None = None
        tried = 0
        for environment in self.environments(chain):
            outcomes: list[Outcome] = []
            for side in chain.sides:
                outcomes.append(outcome(interpreter, side, environment, chain.relations))
                if environment and _no_place(outcomes[-1]):
                    break
            if environment and _no_place(outcomes[-1]):
                last = outcomes
                continue  # these letters are no place of the network, whatever the other sides say
            tried += 1
            for link in range(links):
                before = found[link]
                if before is not None and before.equal is not True:
                    continue
                found[link] = self._finding(chain, outcomes, link, interpreter, environment)
            if tried >= MOST_INSTANCES or all(f is not None and f.equal is not True for f in found):
                break
        if not tried:
            assert last is not None
            trouble = next(o for o in last if isinstance(o, Trouble))
            return [Finding(None, None, trouble)] * links
        return [f for f in found if f is not None]

    def _finding(
        self, chain: Chain, outcomes: Sequence[Outcome], link: int, interpreter: Interpreter, environment: Environment
    ) -> Finding:
        left, right = outcomes[link], outcomes[link + 1]
        relation = chain.relations[link]
        if relation not in EQUALITIES and relation != "∈":
            between = (chain.sides[link].span[1], chain.sides[link + 1].span[0])
            return Finding(None, None, Trouble("relation", {"found": relation}, between))
        for side in (left, right):
            if isinstance(side, Trouble):
                return Finding(None, None, side)
        for side in (right, left):
            if isinstance(side, Clash):
                return Finding(False, False if side is right else None, clash=side)
        equal, clash = self._same(chain, link, link + 1, outcomes, interpreter, environment)
        if not equal and clash is None and (trouble := self._no_claim(chain, link)) is not None:
            return Finding(None, None, trouble)
        target = outcomes[0]
        value: bool | None = None
        if link == 0:
            value = equal
        elif not isinstance(target, Trouble | Clash):
            value, _ = self._same(chain, 0, link + 1, outcomes, interpreter, environment)
            if not value and self._numbers_put_in(chain, 0, link + 1):
                value = None
        zero = bool(
            isinstance(left, Val) and isinstance(right, Val) and equal
            and not np.any(left.value) and not np.any(right.value)
        )  # fmt: skip
        return Finding(equal, value, clash=clash, zero=zero)

    def _no_claim(self, chain: Chain, link: int) -> Trouble | None:
        """Return why two different sides are no wrong claim about the network."""
        left, right = chain.sides[link].node, chain.sides[link + 1].node
        assert not isinstance(left, Unread) and not isinstance(right, Unread)
        if updates(left, right, self.reading.kinds):
            return Trouble("update", {}, chain.sides[link].span)
        if self._numbers_put_in(chain, link, link + 1):
            return Trouble("numbers", {}, chain.sides[link + 1].span)
        return None

    def _numbers_put_in(self, chain: Chain, one: int, other: int) -> bool:
        """Return whether numbers stand on one of two sides that no sheet gives."""
        if self.net.given:
            return False
        nodes = [chain.sides[index].node for index in (one, other)]
        if any(isinstance(node, Unread | ShapeOf | Listed) for node in nodes):
            return False
        left, right = nodes
        assert not isinstance(left, Unread) and not isinstance(right, Unread)
        if is_number(left) and is_number(right):
            return False
        for node, beside in ((left, right), (right, left)):
            if is_number(node) and (not is_constant(node) or isinstance(beside, Name)):
                return True
        return any(puts_numbers_in(parts_of(node), self.net) for node in (left, right))

    def _same(
        self, chain: Chain, one: int, other: int, outcomes: Sequence[Outcome], interpreter: Interpreter,
        environment: Environment,
    ) -> tuple[bool, Clash | None]:  # fmt: skip
        """Return whether two sides are equal, and the shapes that keep them from being so."""
        left, right = outcomes[one], outcomes[other]
        span = chain.sides[other].span
        if isinstance(left, Shape) or isinstance(right, Shape):
            shapes = [side.sizes if isinstance(side, Shape) else side.value.shape[1:] for side in (left, right)]  # type: ignore[union-attr]
            return (True, None) if shapes[0] == shapes[1] else (False, Clash("shape", shapes[0], shapes[1], span))
        assert isinstance(left, Val) and isinstance(right, Val)
        fitted = fit(left, right)
        if fitted is None:
            return False, Clash("=", left.value.shape[1:], right.value.shape[1:], span)
        same = interpreter.numbers.compare(*fitted)
        if same is Sameness.NEAR:
            same = self._closer(chain, one, other, interpreter, environment)
        nodes = [chain.sides[index].node for index in (one, other)]
        if same is not Sameness.EQUAL and all(not isinstance(node, Unread) and is_number(node) for node in nodes):
            return _same_rounded(*fitted, [node for node in nodes if not isinstance(node, Unread)]), None
        if same is not Sameness.EQUAL and self.net.given and not environment:
            return self._same_given(chain, one, other), None
        return same is Sameness.EQUAL, None

    # Numbers put in

    def _same_given(self, chain: Chain, one: int, other: int) -> bool:
        """Return whether two sides are equal for the numbers that the sheet gives, as far as they are written.

        A number counts as right when it is the true one rounded to the digits it has; a side with rounded numbers put
        in may be off by a little in proportion. Only sides without names are judged so.
        """
        numbers = self.given
        nodes = [chain.sides[index].node for index in (one, other)]
        if numbers is None or not any(not isinstance(node, Unread) and is_number(node) for node in nodes):
            return False
        interpreter = Interpreter(numbers, self.reading, bindings=self.bindings, matrices=self.matrices(chain),
                                  layers=self._facts(chain).layers)  # fmt: skip
        found = [outcome(interpreter, chain.sides[index], {}, chain.relations) for index in (one, other)]
        if not all(isinstance(value, Val) for value in found):
            return False
        fitted = fit(*found)  # type: ignore[arg-type]
        if fitted is None:
            return False
        left, right = fitted
        room = PUT_IN * (left.size + right.size)
        for node in nodes:
            if not isinstance(node, Unread):
                room = room + rounding(node)
        return bool((abs(left.value - right.value) <= room).all())

    @cached_property
    def given(self) -> Numbers | None:
        """The numbers of the sheet, where it gives all of them."""
        from chainrule.errors import ChainruleError

        try:
            world = World.given(self.net)
        except ChainruleError:
            return None
        return Numbers(world)

    def _closer(
        self, chain: Chain, one: int, other: int, interpreter: Interpreter, environment: Environment
    ) -> Sameness:
        """Compare two sides with many digits."""
        if interpreter.claims or interpreter.numbers.equal_within != Numbers.equal_within:
            return Sameness.DIFFERENT
        exact = interpreter.numbers.exact
        again = self.interpreter(chain, total=interpreter.total, numbers=exact)
        left = chain.sides[one].node
        right = chain.sides[other].node
        assert not isinstance(left, Unread) and not isinstance(right, Unread)
        try:
            fitted = fit(again.value(left, environment), again.value(right, environment))
        except (TooLarge, NotJudged):
            return Sameness.DIFFERENT
        assert fitted is not None
        return exact.compare(*fitted)

    # Slips that earlier lines explain

    def carried_from(self, chain: Chain, link: int) -> int | None:
        """Return the earlier line whose wrong result makes this link follow, or None."""
        if not self.claims:
            return None
        pair = Chain(chain.sides[link : link + 2], chain.relations[link : link + 1], chain.lead, chain.span)
        for claim in reversed(self.claims):
            if self._follows(pair, [claim]):
                return claim.line
        if len(self.claims) > 1 and self._follows(pair, self.claims):
            return self.claims[-1].line
        return None

    def _follows(self, pair: Chain, claims: Sequence[Claim]) -> bool:
        """Return whether a link is right when partials of the loss have the values that were claimed.

        First only where they are named, then also in every partial that is computed from them.
        """
        numbers = self.numbers(self.samples_for(pair))
        fitting = {claim.by: claim.value for claim in claims if claim.samples == numbers.world.samples}
        if self._findings(pair, self.interpreter(pair, claims=fitting))[0].equal:
            return True
        scalars = {by: value for by, value in fitting.items() if isinstance(by, Ref)}
        if not scalars or numbers.world.samples != 1:
            return False
        deep = Numbers(numbers.world.assuming(scalars))
        return bool(self._findings(pair, self.interpreter(pair, numbers=deep))[0].equal)

    def target(self, chain: Chain) -> Ref | Matrix | None:
        """Return what a chain derives ∂loss/∂… of, or None."""
        node = chain.sides[0].node
        while isinstance(node, Group):
            node = node.body
        if isinstance(node, Unread):
            return None
        interpreter = self.interpreter(chain)
        try:
            if isinstance(node, Derivative):
                of, by = interpreter.atoms(node, {})
                return by if of == interpreter.numbers.program.root else None
            if isinstance(node, Name):
                what = interpreter.meant(node, {}).what
                if isinstance(what, Matrix) and what.of:
                    return Matrix(what.symbol)
                return what.by if isinstance(what, Partial) and isinstance(what.by, Ref) else None
        except (NoMeaning, NotJudged, ShapesClash):
            return None
        return None


def _capital(name: Name, reading: Reading) -> bool:
    """Return whether a name's own letter is a capital: that of dZ is Z."""
    adjoint = reading.kinds.get(name.base, "").startswith("d") and reading.kinds[name.base] != "delta"
    return (name.base[1:] if adjoint else name.base)[:1].isupper()


def _no_place(outcome: Outcome) -> bool:
    """Return whether a side speaks of a place that the network does not have."""
    return isinstance(outcome, Trouble) and outcome.reason in _RANGE


def _homeless(finding: Finding) -> bool:
    """Return whether a name does not say of which layer it is."""
    return finding.trouble is not None and finding.trouble.reason in ("which_layer", "no_layer")


_RANGE = frozenset(("no_layer", "no_unit", "no_edge", "no_sample", "sum_of_nothing"))


def outcome(interpreter: Interpreter, side: Side, environment: Environment, relations: Sequence[str]) -> Outcome:
    """Return what a side comes to."""
    node = side.node
    if isinstance(node, Unread):
        return Trouble(node.reason, {"found": node.found, "name": node.found}, node.span)
    try:
        if isinstance(node, ShapeOf | Listed) or "∈" in relations:
            return Shape(interpreter.shape(node, environment))
        return interpreter.value(node, environment)
    except (NoMeaning, NotJudged) as problem:
        place = problem.name if isinstance(problem, NoMeaning) else problem.node
        facts = {"name": written(place), **problem.facts} if isinstance(place, Name) else problem.facts
        return Trouble(problem.reason, facts, place.span)
    except ShapesClash as clash:
        return Clash(clash.operation, clash.left, clash.right, clash.node.span)


def _same_rounded(left: Val, right: Val, nodes: Sequence[Node]) -> bool:
    """Return whether two sides of numbers are equal as far as their numbers are written."""
    room = rounding(nodes[0]) + rounding(nodes[1]) + PUT_IN * (left.size + right.size)
    for value, node in zip((left, right), nodes, strict=True):
        room = room + uncertainty(parts_of(node)) * value.size
    return bool((abs(left.value - right.value) <= room).all())


def is_number(node: Node) -> bool:
    """Return whether a side has numbers and functions only; e to a power is one."""
    powers = {id(part.base) for part in parts_of(node) if isinstance(part, Raised)}
    return all(id(name) in powers and name.base == "e" and not name.sub and not name.sup for name in names(node))


def rounding(node: Node) -> float:
    """Return by how much a number may be off that is written with at least two decimals; 0 for anything else.

    Example:
        >>> from fractions import Fraction
        >>> rounding(Literal(Fraction("0.125"), (0, 5))), rounding(Literal(Fraction(2), (0, 1)))
        (0.00051, 0.0)
    """
    while isinstance(node, Group | Negated):
        node = node.body
    if not isinstance(node, Literal):
        return 0.0
    return off_by(node.value)


def fit(left: Val, right: Val) -> tuple[Val, Val] | None:
    """Return two values that can be compared place by place, or None where their shapes differ."""
    if left.value.ndim == right.value.ndim:
        return (left, right) if left.value.shape[1:] == right.value.shape[1:] or left.value.ndim == 1 else None
    matrix = left if left.matrix else right
    if matrix.value.shape[1:] != (1, 1):
        return None
    flat = [Val(v.value[..., 0, 0], v.size[..., 0, 0]) if v.matrix else v for v in (left, right)]
    return flat[0], flat[1]


def parts_of(node: Node) -> Iterator[Node]:
    """Yield a node and everything in it."""
    stack: list[Node] = [node]
    while stack:
        part = stack.pop()
        yield part
        stack.extend(inside(part))


def inside(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly inside a node, from left to right."""
    match node:
        case Negated(body) | Transposed(body) | ShapeOf(body) | Group(body):
            return (body,)
        case Total(parts) | Times(parts) | Listed(parts):
            return parts
        case Quotient(first, second) | Raised(first, second) | Derivative(first, second):
            return (first, second)
        case Summation(body=body):
            return (body,)
        case Name() | Literal():
            return ()
    from chainrule.judge.syntax import Applied, Cases, Condition

    match node:
        case Applied(_, args):
            return args
        case Condition(left=left, right=right):
            return (left, right)
        case Cases(cases):
            return tuple(part for value, condition in cases for part in (value, condition) if part is not None)
    raise AssertionError(type(node).__name__)


__all__ = [
    "Clash",
    "Court",
    "Finding",
    "OutOfRange",
    "Outcome",
    "Shape",
    "Trouble",
    "fit",
    "inside",
    "outcome",
    "parts_of",
]
