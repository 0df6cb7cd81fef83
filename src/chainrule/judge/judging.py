"""A document judged against a network: which way it is to be read, what is right, what follows from what.

A Judge holds a network's numbers and what it has found of lines before, so that a line that a thousand documents share
is judged once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chainrule.judge.asked import Asked
from chainrule.judge.atoms import Atoms
from chainrule.judge.court import Court, Finding, Trouble
from chainrule.judge.facts import Key
from chainrule.judge.gaps import gaps
from chainrule.judge.heard import (
    FORWARD,
    Heard,
    adds_delta,
    defined,
    defined_once,
    distinct,
    gives_number,
    introduced,
    lists,
    relevant,
)
from chainrule.judge.hypothesis import with_outputs
from chainrule.judge.layers import layers_of_letters
from chainrule.judge.one_sample import of_one_sample
from chainrule.judge.reading import Reading
from chainrule.judge.readings import around, as_used, candidates, layouts, letterings, letters_for
from chainrule.judge.recent import Recent
from chainrule.judge.repair import Mended, Mender
from chainrule.judge.report import Line, Message, Report
from chainrule.judge.roles import roles_in
from chainrule.judge.rows import Row, rows_of
from chainrule.judge.samples import stated_samples
from chainrule.judge.syntax import Name, Node, Unread
from chainrule.judge.telling import named, told
from chainrule.judge.textual import TextMender
from chainrule.judge.writing import Writer

if TYPE_CHECKING:
    from chainrule.judge.document import Document
    from chainrule.network import Network

MOST_REMEMBERED = 20_000
"""How many lines a Judge remembers with what was found of them."""

MOST_BESIDE = 150
"""How many changes of the text are tried of a side of numbers for which nothing smaller is found."""


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
        own_letters: whether letters may stand for what the document computes with them, whatever others use them for.

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
        self.own_letters = True
        self.until: float | None = None
        self._courts: dict[tuple[object, ...], Court] = {}
        self._found: Recent[tuple[object, ...], list[Finding]] = Recent(MOST_REMEMBERED)
        self._numbered: dict[Reading, int] = {}
        self._questions: Recent[tuple[object, ...], Asked] = Recent(MOST_REMEMBERED)
        self._mended: Recent[tuple[object, ...], tuple[Mended | None]] = Recent(MOST_REMEMBERED)
        self._atoms: Atoms | None = None
        self._weights: dict[int, int] = {}
        self._names: list[Name] = []
        self._descends = False
        self._lettered: list[Name] = []
        self._letters_of = self._lettered
        self._letter_layers: dict[Reading, Mapping[str, int]] = {}

    def report(self, document: Document, *, seconds: float | None = None) -> Report:
        """Return what is said of a document; what is not reached in so many seconds is left unjudged."""
        from chainrule.judge.infer_matrices import speaks_of_another, split

        started = time.perf_counter()
        self.until = None if seconds is None else started + seconds
        rows = of_one_sample(with_outputs(tuple(rows_of(document))), self.net.size(self.net.depth))
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
        for line in Writer(self, self.court(reading), document).lines(heard):
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
        lines = tuple(Writer(self, court, document).lines(heard))
        court.claims = []
        missing = list(gaps(heard, court, [line.line for line in lines]))
        return Judged(reading, heard, lines, missing)

    # Which way it is to be read

    def read(self, rows: Sequence[Row]) -> tuple[Reading, list[Heard]]:
        """Return the reading under which most of the rows are right, and what was found under it."""
        best = self._read_as_is(rows)
        free = self.reading is None
        changed = self._recognise_all(rows, best)
        for reading in self._own_letterings(rows, best) if best.failing and free else ():
            other = _Best(reading, self._hear(rows, reading))
            self._recognise_all(rows, other)
            self._climb(rows, other)
            if self._explains_more(other, best) and not self.late:
                best, changed = other, True
        if changed and free:
            self._climb(rows, best)
        return best.reading, best.heard

    @staticmethod
    def _explains_more(other: _Best, best: _Best) -> bool:
        """Return whether other letters make more right: in one line a letter for another may be its slip."""
        if other.standing <= best.standing:
            return False
        better = sum(new.standing > old.standing for new, old in zip(other.heard, best.heard, strict=True))
        known = best.reading.kinds
        return better > 1 or all(known.get(base) in (None, kind) for base, kind in other.reading.kinds.items())

    def _own_letterings(self, rows: Sequence[Row], best: _Best) -> Iterator[Reading]:
        """Yield the readings in which letters stand for other things than with most people."""
        yield from letterings(best.reading, self._names, self.net.depth)
        if self.own_letters and any(one.is_lost for one in best.failing):
            usual = next(candidates(self._names, matrices=True, sigmoid=self._speaks_of_sigmoid))
            roles = roles_in(rows, usual.kinds)
            yield from as_used(usual.but(samples=best.reading.samples), self._names, roles)

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
        self._weights = {id(row): FORWARD for row in rows if row.chain.states_forward}
        found = self._names = distinct(name for row in rows for name in row.chain.names)
        self._descends = any(map(adds_delta, rows))
        self._lettered = [name for name in found if name.sub.replace(",", "").isalpha()]
        if self.reading is not None:
            return self._first(self.reading, rows)
        sigma = any("σ" in side.functions for row in rows for side in row.chain.sides)
        readings = candidates(found, matrices=True, sigma=sigma, sigmoid=self._speaks_of_sigmoid)
        best = self._first(next(readings), rows)
        for reading in readings:
            if not best.hope:
                return best
            self._try(reading.but(samples=best.reading.samples), rows, best, LEAST_GAIN)
        self._climb(rows, best)
        return best

    def _first(self, reading: Reading, rows: Sequence[Row]) -> _Best:
        """Return what is found under a reading, with as many samples as the document says where that is better."""
        best = _Best(reading, self._hear(rows, reading))
        for samples in stated_samples(rows) if best.hope else ():
            self._try(reading.but(samples=samples), rows, best, 1)
        return best

    def _climb(self, rows: Sequence[Row], best: _Best) -> None:
        """Change a reading in one respect after the other, as long as that makes more of the document right."""
        tried: set[tuple[Reading, int]] = set()
        changed = True
        while changed and best.hope and not self.late:
            changed = False
            for reading, least in around(best.reading, self._names, descends=self._descends):
                if reading.to_from != best.reading.to_from and not _shows_direction(best):
                    least = 1
                if (reading, least) not in tried:
                    tried.add((reading, least))
                    changed |= self._try(reading, rows, best, least)

    def _try(self, reading: Reading, rows: Sequence[Row], best: _Best, least: int) -> bool:
        """Return whether a reading is better than the best by so much, which it then is itself."""
        court = self.court(reading)
        gained, hope = 0, best.hope
        failing = list(zip(best.failing, best.hopes, strict=True))
        if not best.reading.kinds.keys() <= reading.kinds.keys():
            gained, failing = least, []  # what the document then defines is in other rows
        for number, (one, most) in enumerate(failing):
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
        bindings = defined_once(rows, reading)
        introduced_before: set[str] = set()
        heard: list[Heard] = []
        for row in rows:
            defines = defined(row, reading, bindings)
            if row.totals and isinstance(row.chain.sides[0].node, Name):
                defines = (row.chain.sides[0].node.base, "", "")
            elif defines is None and not self.net.given and gives_number(row, reading):
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
            trouble = findings[0].trouble if findings else None
            if defines is None and trouble is not None and (trouble.reason == "shape_items" or lists(row)):
                defines = ("", "", "")  # N × D says what N and D are, θ = {W_1, b_1} what θ is
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
        used = court.bindings
        # Where a row uses a name of the document's own, it can mean another one of these.
        key = (court.reading.first_letters, *self._remembered(one.row, court, one.bindings if used else used))
        known = self._mended.get(key)
        if known is None:
            known = self._mended[key] = (self._smallest(court, one.row),)
        court.bindings = used
        return known[0]

    def _smallest(self, court: Court, row: Row) -> Mended | None:
        chain = row.chain
        if court.matrices(chain) or court.letters(chain) or court.samples_for(chain) != 1:
            return TextMender(court, row).mended()
        if self._atoms is None:
            self._atoms = Atoms(court.numbers(1))
        found = Mender(court, row, self._atoms).mended()
        if found is None:  # inside of functions and powers
            found = TextMender(court, row, most=MOST_BESIDE).mended()
        return found

    def court(self, reading: Reading) -> Court:
        """Return the court of a reading; all of them share the network's numbers."""
        own = (reading, reading.first_letters)  # equal readings of two authors differ in the letters that are written
        found = self._courts.get(own)
        if found is None:
            other = next(iter(self._courts.values()), None)
            found = self._courts[own] = Court(self.net, reading) if other is None else other.under(reading)
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
            self._found[remembered] = found
        return found


_NO_LAYERS: Mapping[str, int] = {}

LEAST_GAIN = 2
"""How much better another reading must be: one line that is wrong under the likeliest reading may be a slip."""


def _shows_direction(best: _Best) -> bool:
    """Return whether a weight has two numbers, or one with two letters is in a row that is right.

    With letters, ∂E/∂w_{ij} = δ_j x_i, a line says itself which index leads where; with numbers they may be swapped.
    """
    failing = set(map(id, best.failing))
    for one in best.heard:
        for name in one.row.chain.names:
            indices = name.sub.replace(",", "")
            if len(indices) > 1 and best.reading.kind_of(name) == "w" and (
                id(one) not in failing or any(map(str.isdigit, indices))
            ):  # fmt: skip
                return True
    return False
