"""A document judged against a network: which way it is to be read, what is right, what follows from what.

A Judge holds a network's numbers and what it has found of lines before, so that a line that a thousand documents share
is judged once.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from chainrule.errors import NetworkError
from chainrule.expr import Matrix, Ref, Symbol
from chainrule.judge.asked import Asked
from chainrule.judge.atoms import Atoms
from chainrule.judge.court import EQUALITIES, Claim, Court, Finding, Trouble, outcome
from chainrule.judge.facts import Key
from chainrule.judge.fixes import applied
from chainrule.judge.gaps import gaps
from chainrule.judge.layers import layers_of_letters
from chainrule.judge.meaning import NotJudged, ShapesClash, Val
from chainrule.judge.reading import NoMeaning, Reading, written
from chainrule.judge.readings import around, candidates, layouts, letterings, letters_for
from chainrule.judge.repair import Mended, Mender
from chainrule.judge.report import Edit, Line, Link, Message, Repair, Report, Verdict
from chainrule.judge.rows import Row, rows_of
from chainrule.judge.spelled import spelled
from chainrule.judge.syntax import Derivative, Name, Node, Span, Unread, names, parts_of
from chainrule.judge.textual import TextMender

if TYPE_CHECKING:
    from chainrule.judge.document import Document
    from chainrule.network import Network

MOST_REMEMBERED = 50_000
"""How many lines a Judge remembers."""


MOST_BESIDE = 150
"""How many changes of the text are tried of a side of numbers for which nothing smaller is found."""


@dataclass(slots=True)
class Heard:
    """What was found of one row.

    Attributes:
        row: the row.
        bindings: the document's definitions as they stand at this row.
        findings: one for each link.
        defines: the name that its first link introduces, or None.
        weight: how much it counts in the choice of a reading.
    """

    row: Row
    bindings: dict[Key, Node]
    findings: list[Finding]
    defines: Key | None = None
    weight: int = 1

    @property
    def right(self) -> int:
        """How many links are right, not counting 0 = 0 and definitions."""
        return sum(f.equal is True and not f.zero for f in self.findings[self.defines is not None :])

    @property
    def score(self) -> int:
        """The same with its definition."""
        return self.right + (self.defines is not None)

    @property
    def most(self) -> int:
        """By how much its fitness could grow under another reading: what was not read has no value under any."""
        sides = self.row.chain.sides[self.defines is not None :]
        read = [not isinstance(side.node, Unread) for side in sides]
        outside = sum(f.trouble is not None and f.trouble.reason in OUTSIDE for f in self.findings)
        links = sum(a and b for a, b in itertools.pairwise(read))
        return links - self._agreeing + 2 * outside

    @property
    def fitness(self) -> int:
        """How well a reading suits the row: a name of a place that the network does not have speaks against it."""
        outside = sum(f.trouble is not None and f.trouble.reason in OUTSIDE for f in self.findings)
        return self.right - 2 * outside

    @property
    def standing(self) -> int:
        """The same as the choice of a reading counts it: what says how a quantity is computed says what letters are."""
        return (self.fitness + self._agreeing - self.right) * self.weight

    @property
    def _agreeing(self) -> int:
        """How many links are right or lead back to the value of the target.

        One slip in the middle of a line makes two links wrong: what mends it is no more likely for that.
        """
        return sum(
            (f.equal is True or f.value_right is True) and not f.zero for f in self.findings[self.defines is not None :]
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """Some rows of a document, judged."""

    reading: Reading
    heard: list[Heard]
    lines: tuple[Line, ...]
    gaps: list[Message]

    @property
    def right(self) -> int:
        """How many links are right."""
        return sum(one.right for one in self.heard)


class _Best:
    """The best reading so far, what was found under it, and the rows that are not right under it.

    `hopes` are by how much each of these could gain under another reading, `hope` is their sum.
    """

    def __init__(self, reading: Reading, heard: list[Heard]) -> None:
        self.take(reading, heard)

    def take(self, reading: Reading, heard: list[Heard]) -> None:
        """Take another reading for the best."""
        self.reading, self.heard = reading, heard
        self.standing = sum(one.standing for one in heard)
        self.failing = [one for one in heard if any(f.equal is not True for f in one.findings)]
        self.hopes = [one.most * one.weight for one in self.failing]
        self.hope = sum(self.hopes)
        self.asked: dict[int, Asked] = {}


class Judge:
    r"""A network, and what was found of lines under each reading.

    Attributes:
        net: the network.
        reading: the reading to take, where it is known; otherwise the document's own is found.
        repairs: whether to look for repairs.

    Example:
        >>> from chainrule import Network
        >>> from chainrule.judge.document import read_document
        >>> judge = Judge(Network.read("2-3-2-1"))
        >>> report = judge.report(read_document("$$\\frac{\\partial loss}{\\partial pred} = pred - true$$"))
        >>> [str(link.verdict) for link in report.links]
        ['right']
    """

    def __init__(self, net: Network, *, reading: Reading | None = None, repairs: bool = True) -> None:
        self.net = net
        self.reading = reading
        self.repairs = repairs
        self.until: float | None = None
        self._courts: dict[Reading, Court] = {}
        self._found: dict[tuple[object, ...], list[Finding]] = {}
        self._numbered: dict[Reading, int] = {}
        self._questions: dict[tuple[object, ...], Asked] = {}
        self._mended: dict[tuple[object, ...], Mended | None] = {}
        self._atoms: Atoms | None = None
        self._weights: dict[int, int] = {}
        self._names: list[Name] = []
        self._lettered: list[Name] = []
        self._letters_of = self._lettered
        self._letter_layers: dict[Reading, Mapping[str, int]] = {}

    def report(self, document: Document, *, seconds: float | None = None) -> Report:
        """Return what is said of a document; what is not reached in so many seconds is left unjudged."""
        from chainrule.judge.infer_matrices import speaks_of_another, split

        started = time.perf_counter()
        self.until = None if seconds is None else started + seconds
        rows = tuple(rows_of(document))
        matrix = split(rows).matrix
        other = speaks_of_another(matrix, self.net, self.reading) if matrix else None
        if other is not None:
            aside = {id(row) for row in matrix}
            rows = tuple(row for row in rows if id(row) not in aside)
        judged = self.judged(rows, document)
        if other is not None:
            aside_lines = self._set_aside(matrix, judged.reading, document, other)
            merged = sorted((*judged.lines, *aside_lines), key=lambda line: (line.part, line.start))
            judged = replace(judged, lines=tuple(merged))
        return Report(
            source=document.name,
            texts=document.texts,
            networks=(named(self.net),),
            inferred=False,
            lines=judged.lines,
            reading=tuple(told(judged.reading, judged.heard, self.court(judged.reading))),
            gaps=tuple(judged.gaps),
            seconds=time.perf_counter() - started,
        )

    def _set_aside(
        self, rows: Sequence[Row], reading: Reading, document: Document, other: Sequence[Network]
    ) -> Iterator[Line]:
        """Yield the lines of rows that speak of other networks: they are not judged."""
        networks = ", ".join(map(named, other))
        heard = []
        for row in rows:
            trouble = Trouble("other_network", {"networks": networks}, row.chain.span)
            heard.append(Heard(row, {}, [Finding(None, None, trouble)] * (len(row.chain.sides) - 1)))
        for line in _Writer(self, self.court(reading), document).lines(heard):
            yield replace(line, links=tuple(replace(link, mistake="other_network") for link in line.links))

    def score(self, rows: Sequence[Row]) -> int:
        """Return how many links of some rows are right, definitions among them, 0 = 0 left out."""
        return sum(one.score for one in self.heard(rows))

    def heard(self, rows: Sequence[Row]) -> list[Heard]:
        """Return what is found of some rows."""
        return self.read(rows)[1]

    def judged(self, rows: Sequence[Row], document: Document) -> Judged:
        """Return what is said of some rows of a document."""
        reading, heard = self.read(rows)
        court = self.court(reading)
        lines = tuple(_Writer(self, court, document).lines(heard))
        court.claims = []
        missing = list(gaps(heard, court, [line.line for line in lines]))
        return Judged(reading, heard, lines, missing)

    # Which way it is to be read

    def read(self, rows: Sequence[Row]) -> tuple[Reading, list[Heard]]:
        """Return the reading under which most of the rows are right, and what was found under it."""
        best = self._read_as_is(rows)
        free = self.reading is None
        changed = self._recognise_all(rows, best)
        for reading in letterings(best.reading, self._names, self.net.depth) if best.failing and free else ():
            other = _Best(reading, self._hear(rows, reading))
            self._recognise_all(rows, other)
            self._climb(rows, other)
            if other.standing > best.standing and not self.late:
                best, changed = other, True
        if changed and free:
            self._climb(rows, best)
        return best.reading, best.heard

    def _recognise_all(self, rows: Sequence[Row], best: _Best) -> bool:
        """Return whether letters are known now that were not before."""
        changed = False
        while not self.late and self._recognise(rows, best):
            changed = True
        return changed

    def _recognise(self, rows: Sequence[Row], best: _Best) -> bool:
        """Return whether one more letter is known now: what the document introduces is a quantity of the network.

        After u = W_1 x, or p = softmax(z), u and p have units and derivatives as the network's own have.
        """
        for one in best.heard:
            name = introduced(one, best.reading)
            for known in () if name is None else self._namings(name, best.reading):
                bindings = {key: node for key, node in one.bindings.items() if name is None or key[0] != name.base}
                finding = self._findings(one.row, self.court(known), bindings)[0]
                if finding.equal is True and not finding.zero:
                    heard = self._hear(rows, known)
                    if sum(other.standing for other in heard) > best.standing:
                        best.take(known, heard)
                        return True
        return False

    def _namings(self, name: Name, reading: Reading) -> Iterator[Reading]:
        """Yield the readings in which a letter is a quantity of the network; the layout of matrices may be another."""
        layers = range(1, self.net.depth + 1)
        quantities = [("pred", 0), *((kind, layer) for layer in layers for kind in ("z", "a"))]
        others = layouts(reading, self._names) if self.reading is None else ()
        for laid in dict.fromkeys((reading, *others)):
            for kind, layer in quantities:
                if reading.kinds.get(name.base, kind) in (kind, "w"):  # θ = Uh + b is no weight
                    kinds = {**reading.kinds, name.base: kind, f"d{name.base}": f"d{kind}"}
                    yield replace(
                        laid, kinds=kinds, places={**reading.places, name.base: layer, f"d{name.base}": layer}
                    )

    def _read_as_is(self, rows: Sequence[Row]) -> _Best:
        """Return the same with every letter that the document introduces taken for what stands behind it."""
        self._weights = {id(row): FORWARD for row in rows if states_forward(row)}
        found = self._names = _distinct(name for row in rows for name in row.chain.names)
        self._lettered = [name for name in found if name.sub.replace(",", "").isalpha()]
        if self.reading is not None:
            return _Best(self.reading, self._hear(rows, self.reading))
        sigma = any("σ" in side.functions for row in rows for side in row.chain.sides)
        readings = candidates(found, matrices=True, sigma=sigma, sigmoid=self._speaks_of_sigmoid)
        first = next(readings)
        best = _Best(first, self._hear(rows, first))
        for reading in readings:
            if not best.hope:
                return best
            self._try(reading, rows, best, LEAST_GAIN)
        self._climb(rows, best)
        return best

    def _climb(self, rows: Sequence[Row], best: _Best) -> None:
        """Change a reading in one respect after the other, as long as that makes more of the document right."""
        tried: set[tuple[Reading, int]] = set()
        changed = True
        while changed and best.hope and not self.late:
            changed = False
            for reading, least in around(best.reading, self._names):
                if (reading, least) not in tried:
                    tried.add((reading, least))
                    changed |= self._try(reading, rows, best, least)

    def _try(self, reading: Reading, rows: Sequence[Row], best: _Best, least: int) -> bool:
        """Return whether a reading is better than the best by so much, which it then is itself."""
        court = self.court(reading)
        gained, hope = 0, best.hope
        for number, (one, most) in enumerate(zip(best.failing, best.hopes, strict=True)):
            if gained + hope < least:
                return False
            hope -= most
            if not most:
                continue
            if number not in best.asked:
                best.asked[number] = self._asked(one, self.court(best.reading))
            asked = best.asked[number]
            if not asked.answers_alike(reading) or court.letter_layers != self.court(best.reading).letter_layers:
                other = replace(one, findings=self._findings(one.row, court, one.bindings))
                gained += other.standing - one.standing
        if gained < least or self.late:
            return False
        heard = self._hear(rows, reading)
        if sum(one.standing for one in heard) < best.standing + least:
            return False
        best.take(reading, heard)
        return True

    def _asked(self, one: Heard, court: Court) -> Asked:
        """Return what a row asks of a reading."""
        used = relevant(one.row, one.bindings)
        remembered = self._remembered(one.row, court, used)
        asked = self._questions.get(remembered)
        if asked is None:
            asked = Asked(court.reading)
            other = court.under(asked)
            other.bindings, other.letter_layers = used, court.letter_layers
            other.findings(one.row.chain)
            if len(self._questions) >= MOST_REMEMBERED:
                self._questions.clear()
            self._questions[remembered] = asked
        return asked

    @property
    def _speaks_of_sigmoid(self) -> bool:
        """Whether the sigmoid is somewhere in the network or in its derivatives, so that σ is likely to mean it."""
        used = {a.name for layer in self.net.layers for a in layer.activations}
        return bool(used & {"sigmoid", "softplus", "silu", "mish"}) or self.net.loss.name == "bce_with_logits"

    def _hear(self, rows: Sequence[Row], reading: Reading) -> list[Heard]:
        """Return what is found of each row under a reading, definitions taken in the order of the document."""
        court = self.court(reading)
        bindings = _defined_once(rows, reading)
        introduced_before: set[str] = set()
        heard: list[Heard] = []
        for row in rows:
            defines = defined(row, reading, bindings)
            if defines is None and not self.net.given and gives_number(row, reading):
                name = row.chain.sides[0].node
                assert isinstance(name, Name)
                defines = (name.base, name.sub, name.sup)
            elif defines is not None:
                node = row.chain.sides[1].node
                assert not isinstance(node, Unread)
                bindings = {**bindings, defines: node}
            findings = self._unreached(row) if self.late else self._findings(row, court, bindings)
            if defines is None and (base := self._recognised(row, reading)) and base not in introduced_before:
                introduced_before.add(base)
                defines = (base, "", "")
            heard.append(Heard(row, bindings, findings, defines, self._weights.get(id(row), 1)))
        return heard

    @staticmethod
    def _recognised(row: Row, reading: Reading) -> str | None:
        """Return the letter on a row's left that has a meaning because the document says what it is, or None."""
        node = row.chain.sides[0].node
        known = isinstance(node, Name) and node.base in reading.places and node.base not in letters_for(())
        return node.base if known and isinstance(node, Name) else None

    @property
    def late(self) -> bool:
        """Whether the time that a document may take is over."""
        return self.until is not None and time.perf_counter() > self.until

    @staticmethod
    def _unreached(row: Row) -> list[Finding]:
        trouble = Trouble("too_slow", {}, row.chain.sides[0].span)
        return [Finding(None, None, trouble)] * (len(row.chain.sides) - 1)

    def mended(self, court: Court, one: Heard) -> Mended | None:
        """Return the smallest repair of a row, or None."""
        chain = one.row.chain
        key = self._remembered(one.row, court, court.bindings)
        if key not in self._mended:
            if court.matrices(chain) or court.letters(chain) or court.samples_for(chain) != 1:
                found = TextMender(court, one.row).mended()
            else:
                if self._atoms is None:
                    self._atoms = Atoms(court.numbers(1))
                found = Mender(court, one.row, self._atoms).mended()
                if found is None:  # inside of functions and powers
                    found = TextMender(court, one.row, most=MOST_BESIDE).mended()
            if len(self._mended) >= MOST_REMEMBERED:
                self._mended.clear()
            self._mended[key] = found
        return self._mended[key]

    def court(self, reading: Reading) -> Court:
        """Return the court of a reading; all of them share the network's numbers."""
        found = self._courts.get(reading)
        if found is None:
            other = next(iter(self._courts.values()), None)
            found = self._courts[reading] = Court(self.net, reading) if other is None else other.under(reading)
        if self._letters_of is not self._lettered:
            self._letters_of, self._letter_layers = self._lettered, {}
        layers = self._letter_layers.get(reading) if self._lettered else _NO_LAYERS
        if layers is None:
            layers = self._letter_layers[reading] = layers_of_letters(self._lettered, reading, self.net.depth)
        found.letter_layers = layers
        return found

    def _remembered(self, row: Row, court: Court, used: dict[Key, Node]) -> tuple[object, ...]:
        """Return what a row's findings depend on: numbers are the same however matrices are laid out."""
        court.bindings = used
        reading = court.reading if court.facts(row.chain).laid_out else court.reading.scalar
        number = self._numbered.setdefault(reading, len(self._numbered))
        return (number, *row.key, tuple(used.items()), tuple(sorted(court.letter_layers.items())))

    def _findings(self, row: Row, court: Court, bindings: dict[Key, Node]) -> list[Finding]:
        used = relevant(row, bindings) if bindings else {}
        remembered = self._remembered(row, court, used)
        found = self._found.get(remembered)
        if found is None:
            found = court.findings(row.chain)
            if len(self._found) >= MOST_REMEMBERED:
                self._found.clear()
            self._found[remembered] = found
        return found


_NO_LAYERS: Mapping[str, int] = {}

LEAST_GAIN = 2
"""How much better another reading must be: one line that is wrong under the likeliest reading may be a slip."""

OUTSIDE = frozenset(("no_layer", "no_unit", "no_edge", "no_sample"))
"""Troubles with a name of a place that the network does not have."""


def told(reading: Reading, heard: Sequence[Heard], court: Court) -> Iterator[Message]:
    """Yield how a document was read, where people do it in several ways."""
    found = _distinct(name for one in heard for name in one.row.chain.names)
    if any(reading.kinds.get(name.base) in ("w", "dw") and len(name.sub) > 1 for name in found):
        yield Message("reading.weights_to_from" if reading.to_from else "reading.weights_from_to")
    if any(reading.kinds.get(name.base) == "w" and len(name.sub) == 1 and name.sub.isdigit() and not name.sup
           and name.base[0].islower() for name in found) and court.net.depth > 1:  # fmt: skip
        yield Message("reading.numbered_from" if reading.by_origin else "reading.numbered_to")
    if reading.first_layer:
        yield Message("reading.first_layer")
    if reading.first_input != 0 and any(reading.kinds.get(n.base) == "x" and n.sub.isdigit() for n in found):
        yield Message("reading.first_input", {"number": reading.first_input})
    if reading.first_unit != 1:
        yield Message("reading.first_unit", {"number": reading.first_unit})
    if reading.kinds.get("a") == "z":
        yield Message("reading.swapped")
    if reading.descent:
        yield Message("reading.descent")
    if reading.per_sample:
        yield Message("reading.per_sample")
    if reading.powers:
        yield Message("reading.powers")
    else:
        yield from itertools.islice(_could_be_powers(found, reading, court), 1)
    if any(court.matrices(one.row.chain) for one in heard):
        weights = "(in, out)" if reading.in_out else "(out, in)"
        yield Message("reading.rows" if reading.rows else "reading.columns", {"weights": weights})
        if not reading.batch:
            yield Message("reading.vectors")
        if reading.row_gradients:
            yield Message("reading.row_gradients")


def _could_be_powers(found: Sequence[Name], reading: Reading, court: Court) -> Iterator[Message]:
    """Yield what is to be said of a number above that was read as a layer and could be a power."""
    for name in found:
        lettered = reading.kinds.get(name.base) in ("w", "b", "z", "a")
        if lettered and name.sup.isdigit() and name.sub and court.could_be_power(name):
            yield Message("reading.power", {"name": written(name)})


def named(net: Network) -> str:
    """Return a network in shorthand, or in TOML where shorthand cannot say it."""
    try:
        return net.to_shorthand()
    except NetworkError:
        return net.to_toml()


def _defined_once(rows: Sequence[Row], reading: Reading) -> dict[Key, Node]:
    """Return the names without a meaning that the document introduces in one place: they hold before it too.

    What a formula calls P may be said behind it: "…, where P = softmax(Z)".
    """
    found: dict[Key, list[Node]] = {}
    for row in rows:
        key = defined(row, reading, {})
        if key is not None and key[0] not in reading.kinds:
            node = row.chain.sides[1].node
            assert not isinstance(node, Unread)
            found.setdefault(key, []).append(node)
    return {key: nodes[0] for key, nodes in found.items() if len(nodes) == 1}


def gives_number(row: Row, reading: Reading) -> bool:
    """Return whether a row gives a weight, an input or a target its number, as a sheet does: x_1 = 0.5."""
    chain = row.chain
    if len(chain.sides) != 2 or chain.relations[0] not in EQUALITIES or isinstance(chain.sides[1].node, Unread):
        return False
    name = chain.sides[0].node
    kinds = ("x", "w", "b", "true")
    return isinstance(name, Name) and reading.kinds.get(name.base) in kinds and chain.sides[1].is_number


def defined(row: Row, reading: Reading, bindings: dict[Key, Node]) -> Key | None:
    """Return the name that a row introduces, or None.

    A name that means nothing in the network is introduced by standing alone on the left; δ without a place, and what
    comes after `let` or before `:=`, too.
    """
    chain = row.chain
    if len(chain.sides) < 2 or chain.relations[0] not in EQUALITIES or isinstance(chain.sides[1].node, Unread):
        return None
    node = chain.sides[0].node
    if not isinstance(node, Name) or node.suffix or node.primes:
        return None
    key = (node.base, node.sub, node.sup)
    kind = reading.kinds.get(node.base)
    if kind == "samples" and node.sub:
        kind = None  # n_x is the number of something else
    said = chain.lead == "let" or chain.relations[0] in (":=", "≡", "≜")
    bare = not node.sub and not node.sup
    if kind is None or (kind == "delta" and (bare or said)) or (kind == "samples" and bare):
        if key in bindings and not said and kind is None:
            return None if bindings[key] != chain.sides[1].node else key
        return key
    return None


def introduced(one: Heard, reading: Reading) -> Name | None:
    """Return the name whose meaning a row gives: it has none in the network, or does not say of which layer it is."""
    node = one.row.chain.sides[0].node
    if not isinstance(node, Name) or node.sup or node.base in reading.places:
        return None
    trouble = one.findings[0].trouble
    homeless = trouble is not None and trouble.reason == "which_layer" and trouble.span == node.span
    return node if homeless or (one.defines is not None and node.base not in reading.kinds) else None


def _distinct(found: Iterable[Name]) -> list[Name]:
    """Return names without those that only stand elsewhere."""
    return list({(name.base, name.sub, name.sup, name.suffix, name.primes): name for name in found}.values())


FORWARD = 3
"""How much a forward statement counts in the choice of a reading: as much as three links of derivatives."""


def states_forward(row: Row) -> bool:
    """Return whether a row says how a quantity is computed: a_1 = w_{11} x_1 + b_1, with no derivative in it."""
    if not isinstance(row.chain.sides[0].node, Name):
        return False
    nodes = [side.node for side in row.chain.sides if not isinstance(side.node, Unread)]
    adjoint = any(name.base in ("δ", "Δ") or (len(name.base) > 1 and name.base[0] == "d") for name in row.chain.names)
    return not adjoint and not any(isinstance(part, Derivative) for node in nodes for part in parts_of(node))


def relevant(row: Row, bindings: dict[Key, Node]) -> dict[Key, Node]:
    """Return the bindings that a row uses, through others too."""
    if not bindings:
        return bindings
    found: dict[Key, Node] = {}
    waiting = [side.node for side in row.chain.sides if not isinstance(side.node, Unread)]
    while waiting:
        for name in names(waiting.pop()):
            key = (name.base, name.sub, name.sup)
            if key in bindings and key not in found:
                found[key] = bindings[key]
                waiting.append(bindings[key])
    return found


class _Writer:
    """Writes what was found into Lines, in order: what follows from what, and the repairs."""

    def __init__(self, judge: Judge, court: Court, document: Document) -> None:
        self.judge = judge
        self.court = court
        self.document = document

    def lines(self, heard: Sequence[Heard]) -> Iterator[Line]:
        claims: list[Claim] = []
        for one in heard:
            self.court.bindings = relevant(one.row, one.bindings)
            self.court.claims = claims
            yield self._line(one)
            claims += self._claims(one)

    def _number(self, row: Row) -> int:
        return self.document.position(row.part, row.place(*row.chain.span)[0])[0]

    def _line(self, one: Heard) -> Line:
        row, chain = one.row, one.row.chain
        whole = _opened(row.source, chain.span)
        start, end = row.place(*whole)
        read = [side.spelling for side in chain.sides]
        links = [self._link(one, index, (read[index], read[index + 1])) for index in range(len(chain.sides) - 1)]
        if any(link.verdict in (Verdict.WRONG, Verdict.CARRIED) for link in links):
            mended = self.judge.mended(self.court, one) if self.judge.repairs and not self.judge.late else None
            links = [self._explained(one, link, mended) for link in links]
        return Line(
            part=row.part,
            line=self.document.position(row.part, start)[0],
            start=start,
            end=end,
            source=row.text(whole),
            target=read[0],
            links=tuple(links),
            notes=tuple(self._notes(one)),
            markup=row.markup,
        )

    def _link(self, one: Heard, index: int, read: tuple[str, str]) -> Link:
        row, chain = one.row, one.row.chain
        left, right = (_opened(row.source, chain.sides[at].span) for at in (index, index + 1))
        finding = one.findings[index]
        start, end = row.place(*right)
        line, column = self.document.position(row.part, start)
        end_line, end_column = self.document.position(row.part, end)
        carried: int | None = None
        message: Message | None = None
        if index == 0 and one.defines is not None:
            verdict = Verdict.DEFINITION
        elif finding.trouble is not None:
            verdict = Verdict.UNREADABLE
            message = Message(f"unread.{finding.trouble.reason}", dict(finding.trouble.facts))
            place = row.place(*finding.trouble.span)
            line, column = self.document.position(row.part, place[0])
            end_line, end_column = self.document.position(row.part, max(place))
        elif finding.equal:
            verdict = Verdict.RIGHT
        else:
            # Each earlier line is tried, so that this takes longest of all where many lines are wrong.
            known = finding.clash is None and not self.judge.late
            carried = self.court.carried_from(chain, index) if known else None
            verdict = Verdict.WRONG if carried is None else Verdict.CARRIED
        return Link(
            line=line, column=column, end_line=end_line, end_column=end_column, start=start, end=end, index=index + 1,
            lhs=row.text(left), rhs=row.text(right),
            read=read, verdict=verdict, value_right=None if verdict is Verdict.DEFINITION else finding.value_right,
            message=message, carried_from=carried,
        )  # fmt: skip

    def _explained(self, one: Heard, link: Link, mended: Mended | None) -> Link:
        """Return a wrong link with the name of its mistake, the reason and the repair of its line."""
        if link.verdict not in (Verdict.WRONG, Verdict.CARRIED):
            return link
        finding = one.findings[link.index - 1]
        fix = None
        if mended is not None:
            fixes = mended.fixes
            head = fixes.get(0) if link.index == 1 else None
            fix = head or fixes.get(link.index) or fixes.get(link.index - 1) or next(iter(fixes.values()))
        kind = fix.kind if fix is not None else "wrong_shape" if finding.clash is not None else "wrong_value"
        facts: dict[str, object] = {}
        if link.verdict is Verdict.CARRIED:
            message = Message("why.carried", {"line": link.carried_from})
        elif finding.clash is not None:
            clash = finding.clash
            message = Message("why.clash", {
                "operation": clash.operation, "left": _shape(clash.left), "right": _shape(clash.right),
            })  # fmt: skip
        elif fix is not None:
            before, after = fix.changes[0]
            facts = {"before": before, "after": after}
            gone = not after and kind in ("extra_factor", "extra_path")
            message = Message(f"why.{kind}_gone" if gone else f"why.{kind}", facts)
        else:
            message = Message("why.wrong_value")
        repair = None if mended is None else self._repair(one.row, mended)
        return replace(link, mistake=kind, message=message, repair=repair)

    def _repair(self, row: Row, mended: Mended) -> Repair:
        edits = sorted((e for fix in mended.fixes.values() for e in fix.edits), key=lambda e: (e.start, e.end))
        changes = list(dict.fromkeys(change for fix in mended.fixes.values() for change in fix.changes))
        whole = _opened(row.source, row.chain.span)
        inner = [Edit(e.start - whole[0], e.end - whole[0], e.text) for e in edits]
        before = row.text(whole)
        placed = tuple(Edit(*row.place(e.start, e.end), e.text) for e in edits)
        if not all(row.exact(e.start, e.end) for e in edits):
            placed = ()  # inside of a macro: the text itself cannot be edited there
        return Repair(placed, tuple(changes), before, applied(before, inner))

    def _notes(self, one: Heard) -> Iterator[Message]:
        """Yield what is to be said of derivatives that are 0: against the figure's direction, or without a path."""
        chain = one.row.chain
        if all(f.equal is not False for f in one.findings):
            return
        interpreter = self.court.interpreter(chain)
        said = set()
        for side in chain.sides:
            for part in side.parts:
                if not isinstance(part, Derivative):
                    continue
                try:
                    of, by = interpreter.atoms(part, {})
                except (NoMeaning, NotJudged, ShapesClash):
                    continue
                if not isinstance(of, Ref) or not isinstance(by, Ref):
                    continue
                relation = interpreter.numbers.world.relation(of, by)
                text = spelled(part)
                if relation in ("backwards", "none") and text not in said:
                    said.add(text)
                    yield Message(f"note.{relation}", {"partial": text, "of": spelled(part.of), "by": spelled(part.by)})

    def _claims(self, one: Heard) -> Iterator[Claim]:
        """Yield the wrong values that a row gives to its target."""
        if all(f.value_right is not False for f in one.findings):
            return
        chain = one.row.chain
        target = self.court.target(chain)
        if target is None:
            return
        interpreter = self.court.interpreter(chain)
        by = target.symbol if isinstance(target, Matrix) else target
        head = chain.sides[0].node
        factor = interpreter.meant(head, {}).factor if isinstance(head, Name) else 1
        for side, finding in zip(chain.sides[1:], one.findings, strict=True):
            if finding.value_right is False and finding.trouble is None:
                value = outcome(interpreter, side, {}, chain.relations)
                if isinstance(value, Val) and (not value.matrix or isinstance(by, Symbol)):
                    world = interpreter.numbers.world
                    claimed = value.value if value.matrix else np.broadcast_to(value.value, (world.points,))
                    claimed = claimed / factor
                    yield Claim(by, self._number(one.row), world.samples, claimed)


_OPENER = re.compile(r"\\(?:left|[bB]igg?l?)\s*\Z")


def _opened(source: str, span: Span) -> Span:
    r"""Return the span of a side with the `\left` before its first bracket, which belongs to it on the page."""
    found = _OPENER.search(source, max(0, span[0] - 12), span[0])
    return (found.start(), span[1]) if found else span


def _shape(sizes: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, sizes)) + ")"
