"""One chain of equations judged under one reading of one network.

For every `=` there are two questions, answered apart: are its two sides equal, and does the right one have the value
that the line's target has? A side is evaluated at random points (`chainrule.judge.world`), for every value of the
letters that run (`∂L/∂w_{ij}^l` is as many equations as there are weights).
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.expr import Matrix, Partial, Ref, Symbol
from chainrule.judge.facts import SAMPLES, Facts, Key, numbered_samples
from chainrule.judge.general import is_constant, off_by, own_decimals, uncertainty, updates
from chainrule.judge.meaning import Interpreter, Memory, NotJudged, ShapesClash, Val
from chainrule.judge.numbers import Numbers, Sameness, TooLarge
from chainrule.judge.reading import Environment, NoMeaning, Reading, differentiated, written
from chainrule.judge.recent import Recent
from chainrule.judge.syntax import (
    Chain,
    Derivative,
    Group,
    Listed,
    Literal,
    Name,
    Negated,
    Node,
    ShapeOf,
    Side,
    Summation,
    Unread,
)
from chainrule.judge.world import World

if TYPE_CHECKING:
    from chainrule.network import Network

Array = np.ndarray[Any, Any]

MOST_INSTANCES = 240
"""The most values of running letters at which a general line is tried."""

PUT_IN = 5e-4
"""How far a side with numbers put in may be off, as a share of its size: four digits."""

MOST_KNOWN = 8_000
"""How many chains are remembered by what they speak of, under all readings together."""

MOST_MEMORIES = 4_000
"""For how many scopes of names it is remembered what they mean."""

MOST_ASSUMED = 32
"""How many sets of claims are remembered with what follows from them."""

MORE_SAMPLES = 5
"""How many samples there are where a number could be taken for that of the samples."""

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
        known: what chains speak of, by reading and chain; shared by the courts of a network.
    """

    net: Network
    reading: Reading
    bindings: dict[Key, Node] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    worlds: dict[int, Numbers] = field(default_factory=dict)
    letter_layers: Mapping[str, int] = field(default_factory=dict)
    known: Recent[tuple[int, int], Facts] = field(default_factory=lambda: Recent(MOST_KNOWN), repr=False)
    _whole: dict[Key, bool] = field(default_factory=dict, repr=False)
    _powers: dict[Key, bool] = field(default_factory=dict, repr=False)
    _assumed: dict[tuple[int, ...], tuple[tuple[Claim, ...], Numbers]] = field(default_factory=dict, repr=False)
    _memories: dict[tuple[object, ...], Memory] = field(default_factory=dict, repr=False)

    def numbers(self, samples: int) -> Numbers:
        """Return the network's numbers for a number of samples."""
        found = self.worlds.get(samples)
        if found is None:
            found = self.worlds[samples] = Numbers(World(self.net, samples=samples))
        return found

    def under(self, reading: Reading) -> Court:
        """Return a court for the same network under another reading; the numbers are shared."""
        return Court(self.net, reading, worlds=self.worlds, known=self.known)

    # One chain

    def facts(self, chain: Chain) -> Facts:
        """Return what a chain speaks of, looked at once."""
        own = (id(self.reading), id(chain))
        known = self.known.get(own)
        if (
            known is None or known.chain is not chain or known.reading is not self.reading
            or known.bindings != self.bindings or known.everywhere != self.letter_layers
        ):  # fmt: skip
            known = Facts(chain, self.net, self.reading, self.bindings, self.letter_layers, self._whole)
            self.known[own] = known
        return known

    def samples_for(self, chain: Chain) -> int:
        """Return how many samples a chain speaks of: several where it marks a sample or holds whole matrices."""
        return self.facts(chain).samples

    def matrices(self, chain: Chain) -> bool:
        """Return whether a chain speaks of whole matrices (or of vectors: z^l without a unit)."""
        return self.facts(chain).matrices

    def letters(self, chain: Chain) -> dict[str, str]:
        """Return the letters that run in a chain, each with what it counts: layer, unit or sample."""
        return self.facts(chain).letters

    def environments(self, chain: Chain) -> Iterator[Environment]:
        """Yield the values of the letters that run, at which a chain is tried."""
        return self.facts(chain).environments()

    def interpreter(
        self, chain: Chain, *, claims: Mapping[Ref | Symbol, Array] | None = None, total: bool = False,
        numbers: Numbers | None = None, layers: Mapping[str, int] | None = None,
    ) -> Interpreter:  # fmt: skip
        """Return an interpreter for a chain."""
        facts = self.facts(chain)
        own = self.numbers(facts.samples)
        layers = facts.layers if layers is None else layers
        if numbers is None or numbers is own:
            memory = self._memory(facts.samples, facts.matrices, layers)
        elif numbers.program is own.program:
            memory = Memory(self._memory(facts.samples, facts.matrices, layers).meant)
        else:
            memory = Memory()
        return Interpreter(
            own if numbers is None else numbers, self.reading, bindings=self.bindings, matrices=facts.matrices,
            claims=claims, total=total, layers=layers, variable=facts.variable, memory=memory,
        )  # fmt: skip

    def _memory(self, samples: int, matrices: bool, layers: Mapping[str, int]) -> Memory:
        scope = (samples, matrices, tuple(sorted(layers.items())))
        memory = self._memories.get(scope)
        if memory is None:
            if len(self._memories) > MOST_MEMORIES:
                self._memories.clear()
            memory = self._memories[scope] = Memory()
        return memory

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
        if any(f.equal is not True for f in found) and self.facts(chain).of_columns:
            # Beside X with a sample in each row, x is a column: X^T (X θ − y) after h(x) = θ^T x.
            columns = self.under(self.reading.but(rows=False, batch=False, whole_outputs=False))
            columns.bindings, columns.letter_layers = self.bindings, self.letter_layers
            other = columns.findings(chain)
            if sum(f.equal is True for f in other) > sum(f.equal is True for f in found):
                return other
        return found

    def _anywhere(self, chain: Chain) -> list[Finding] | None:
        """Return what is found of a chain about any layer: true where it is true of every layer that it fits."""
        found: list[Finding] | None = None
        for layers in self.facts(chain).layerings:
            here = self._findings(chain, self.interpreter(chain, layers=layers))
            if all(f.trouble is not None and f.trouble.reason in _RANGE for f in here):
                continue
            worse = here if found is None else [b if a.equal is True else a for a, b in zip(found, here, strict=True)]
            found = worse
        return found

    def _may_count_samples(self, chain: Chain) -> bool:
        """Return whether a number on a line could be the number of samples, which no document knows."""
        if (
            self.reading.samples
            or self.samples_for(chain) != SAMPLES
            or numbered_samples(self.net) != SAMPLES
            or len(self.net.given.inputs) > 1
        ):
            return False
        parts = [part for side in chain.sides for part in side.parts]
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
                return Finding(None, None, self._update(chain, link) or side)
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
        if (update := self._update(chain, link)) is not None:
            return update
        if self._numbers_put_in(chain, link, link + 1):
            return Trouble("numbers", {}, chain.sides[link + 1].span)
        return None

    def _update(self, chain: Chain, link: int) -> Trouble | None:
        """Return that a link says how a weight is changed, or None."""
        left, right = chain.sides[link].node, chain.sides[link + 1].node
        if isinstance(left, Unread) or isinstance(right, Unread) or not updates(left, right, self.reading.kinds):
            return None
        return Trouble("update", {}, chain.sides[link].span)

    def _numbers_put_in(self, chain: Chain, one: int, other: int) -> bool:
        """Return whether numbers stand on one of two sides that no sheet gives."""
        if self.net.given:
            return False
        left, right = sides = chain.sides[one], chain.sides[other]
        if any(isinstance(side.node, Unread | ShapeOf | Listed) for side in sides):
            return False
        if left.is_number and right.is_number:
            return False
        for side, beside in ((left, right), (right, left)):
            node = side.node
            assert not isinstance(node, Unread)
            if side.is_number and (
                not is_constant(node) or (isinstance(beside.node, Name) and not self._adjoint(beside.node))
            ):
                return True
        return any(part.value not in self._own_decimals for side in sides for part in side.decimals)

    @cached_property
    def _own_decimals(self) -> frozenset[Fraction]:
        return own_decimals(self.net)

    def _adjoint(self, name: Name) -> bool:
        """Return whether a name is that of a partial of the loss, which a factor alone, δ_1 = 2, does not give."""
        kind = self.reading.kinds.get(name.base, "")
        return kind == "delta" or differentiated(kind) != kind

    def _same(
        self, chain: Chain, one: int, other: int, outcomes: Sequence[Outcome], interpreter: Interpreter,
        environment: Environment,
    ) -> tuple[bool, Clash | None]:  # fmt: skip
        """Return whether two sides are equal, and the shapes that keep them from being so."""
        left, right = outcomes[one], outcomes[other]
        span = chain.sides[other].span
        if isinstance(left, Shape) or isinstance(right, Shape):
            shapes = [side.sizes if isinstance(side, Shape) else side.value.shape[1:] for side in (left, right)]  # type: ignore[union-attr]
            if shapes[0] == shapes[1] or _vector_shapes(shapes, interpreter.numbers.world.samples):
                return True, None
            return False, Clash("shape", shapes[0], shapes[1], span)
        assert isinstance(left, Val) and isinstance(right, Val)
        fitted = fit(left, right)
        if fitted is None:
            return False, Clash("=", left.value.shape[1:], right.value.shape[1:], span)
        same = interpreter.numbers.compare(*fitted)
        if same is Sameness.NEAR:
            same = self._closer(chain, one, other, interpreter, environment)
        sides = chain.sides[one], chain.sides[other]
        if same is not Sameness.EQUAL and all(side.is_number for side in sides):
            return _same_rounded(*fitted, sides), None
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
        sides = chain.sides[one], chain.sides[other]
        if numbers is None or not any(side.is_number for side in sides):
            return False
        interpreter = Interpreter(numbers, self.reading, bindings=self.bindings, matrices=self.matrices(chain),
                                  layers=self.facts(chain).layers)  # fmt: skip
        found = [outcome(interpreter, side, {}, chain.relations) for side in sides]
        if not all(isinstance(value, Val) for value in found):
            return False
        fitted = fit(*found)  # type: ignore[arg-type]
        if fitted is None:
            return False
        left, right = fitted
        room = PUT_IN * (left.size + right.size)
        for side in sides:
            if not isinstance(side.node, Unread):
                room = room + rounding(side.node)
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
        except (TooLarge, NotJudged, ArithmeticError, ValueError):  # no number there: 1/0, log 0
            return Sameness.DIFFERENT
        assert fitted is not None
        return exact.compare(*fitted)

    # Slips that earlier lines explain

    def carried_from(self, chain: Chain, link: int) -> int | None:
        """Return the earlier line whose wrong result makes this link follow, or None."""
        if not self.claims:
            return None
        pair = chain.pair(link, link + 1, link)
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
        world = numbers.world
        fitting = {claim.by: claim.value for claim in claims if claim.samples == world.samples}
        read = self._gradients(pair)
        if (read is None or not read.isdisjoint(fitting)) and (
            self._findings(pair, self.interpreter(pair, claims=fitting))[0].equal
        ):
            return True
        scalars = {by: value for by, value in fitting.items() if isinstance(by, Ref)}
        if not scalars or world.samples != 1:
            return False
        if read is not None and not any(
            by in read or np.any(world.partial(by, ref, total=True)) for by in scalars for ref in read
        ):
            return False  # what the pair reads does not depend on what was claimed
        deep = self._assuming(numbers, claims, scalars)
        return bool(self._findings(pair, self.interpreter(pair, numbers=deep))[0].equal)

    def _gradients(self, pair: Chain) -> frozenset[Ref] | None:
        """Return all s whose ∂loss/∂s a pair of sides reads, or None where that is not plain to see."""
        facts = self.facts(pair)
        if facts.matrices or facts.letters or facts.variable is not None or self.bindings or self.net_skips:
            return None
        interpreter = self.interpreter(pair)
        root = interpreter.numbers.program.root
        found: set[Ref] = set()
        try:
            for side in pair.sides:
                for part in side.parts:
                    if isinstance(part, Derivative):
                        of, by = interpreter.atoms(part, {})
                        if isinstance(of, Matrix) or isinstance(by, Matrix):
                            return None
                        if of == root:
                            found.add(by)
                    elif isinstance(part, Summation):
                        return None
                found |= {
                    what.by
                    for name in side.names
                    if isinstance(what := interpreter.meant(name, {}).what, Partial) and isinstance(what.by, Ref)
                }
        except (NoMeaning, NotJudged, ShapesClash):
            return None
        return frozenset(found)

    def _assuming(self, numbers: Numbers, claims: Sequence[Claim], scalars: Mapping[Ref, Array]) -> Numbers:
        """Return the numbers under claims, of which the last few are remembered."""
        own = tuple(map(id, claims))
        known = self._assumed.get(own)
        if known is None or not all(map(operator.is_, known[0], claims)):
            if len(self._assumed) >= MOST_ASSUMED:
                self._assumed.clear()
            known = self._assumed[own] = (tuple(claims), Numbers(numbers.world.assuming(scalars)))
        return known[1]

    def could_be_power(self, name: Name) -> bool:
        """Return whether a number above a name that is read as a layer could be a power as well."""
        key = (name.base, name.sub, name.sup)
        found = self._powers.get(key)
        if found is None:
            program = self.numbers(1).program
            try:
                found = self.reading.meaning(name, program, {}).power == 1
                self.reading.meaning(name, program, {}, power=True)
            except NoMeaning:
                found = False
            self._powers[key] = found
        return found

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
                own = of == interpreter.numbers.program.root and interpreter.sign(node, {}) > 0
                return by if own else None
            if isinstance(node, Name):
                what = interpreter.meant(node, {}).what
                if isinstance(what, Matrix) and what.of:
                    return Matrix(what.symbol)
                return what.by if isinstance(what, Partial) and isinstance(what.by, Ref) else None
        except (NoMeaning, NotJudged, ShapesClash):
            return None
        return None


def _vector_shapes(shapes: Sequence[tuple[int, ...]], samples: int) -> bool:
    """Return whether one shape is that of a vector, ℝ⁴, and the other the same as a row, a column, or one a sample."""
    short, long = sorted(shapes, key=len)
    return (len(short), len(long)) == (1, 2) and any(
        size == short[0] and other in (1, samples) for size, other in (long, long[::-1])
    )


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


def _same_rounded(left: Val, right: Val, sides: Sequence[Side]) -> bool:
    """Return whether two sides of numbers are equal as far as their numbers are written."""
    room = PUT_IN * (left.size + right.size)
    for value, side in zip((left, right), sides, strict=True):
        assert not isinstance(side.node, Unread)
        room = room + rounding(side.node) + uncertainty(side.parts) * value.size
    return bool((abs(left.value - right.value) <= room).all())


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
