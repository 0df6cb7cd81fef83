"""The network under which most lines of a document are right: layers, activations, loss and biases, one after another.

A search starts from what names and words make likely, and changes one choice at a time while a change makes more links
right. Every change is judged on the rows that are not right yet, and on all of them only where it gains there; so it
ends, and what is best when the time is over is taken. What no line decides is listed as open.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chainrule.errors import ChainruleError
from chainrule.expr import Ref
from chainrule.judge.court import EQUALITIES
from chainrule.judge.heard import Heard
from chainrule.judge.infer_sizes import Frame, Rows, every_name, frames
from chainrule.judge.judging import Judge
from chainrule.judge.reading import NoMeaning, Reading
from chainrule.judge.readings import as_used, candidates, letters_for
from chainrule.judge.roles import roles_in
from chainrule.judge.syntax import (
    Applied,
    Cases,
    Condition,
    Literal,
    Name,
    Summation,
    Times,
    Total,
    Unread,
    parts_of,
)
from chainrule.network import Activation, Connection, Layer, Loss, Network
from chainrule.rules import LOSSES as LOSS_RULES

if TYPE_CHECKING:
    from chainrule.judge.infer_words import Said
    from chainrule.judge.rows import Row

MOST_ROWS = 150
"""How many rows a network is sought with, spread over the document."""

MOST_FRAMES = 10
"""How many ways to size the layers are tried."""

CLAIMS = EQUALITIES | {"∈"}
"""The relations that can be right."""

MOST_JUDGES = 48
"""How many networks' numbers are kept."""

HIDDEN = ("sigmoid", "tanh", "relu", "identity", "softplus")
"""Activations of hidden layers that are always tried, the likeliest first."""

OUTPUTS = ("identity", "sigmoid", "softmax", "tanh", "relu", "softplus")

USUAL = (
    ("half_squared_error", "identity"), ("mse", "identity"), ("half_squared_error", "sigmoid"), ("mse", "sigmoid"),
    ("binary_cross_entropy", "sigmoid"), ("cross_entropy", "softmax"), ("half_squared_error", "tanh"), ("mse", "tanh"),
    ("half_squared_error", "relu"), ("softmax_cross_entropy", "identity"), ("bce_with_logits", "identity"),
    ("mae", "identity"), ("huber", "identity"), ("log_cosh", "identity"), ("hinge", "identity"),
    ("cross_entropy_index", "softmax"), ("half_squared_error", "softmax"), ("binary_cross_entropy", "identity"),
)  # fmt: skip
"""Losses with the activations of the outputs that people combine them with, the likeliest first."""

REDUCTIONS = (("sum", "sum"), ("mean", "sum"), ("mean", "mean"), ("sum", "mean"))
"""How a loss gathers its terms: over samples, over outputs."""

LETTERED = 0.75
"""The share of links that are right below which letters are tried for what the document computes with them."""

_BY_FUNCTION = {
    "tanh": "tanh", "relu": "relu", "ReLU": "relu", "softplus": "softplus", "sigmoid": "sigmoid", "softmax": "softmax",
    "elu": "elu", "ELU": "elu", "silu": "silu", "swish": "silu", "gelu": "gelu", "GELU": "gelu", "σ": "sigmoid",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Guess:
    """A network as a row of choices.

    Attributes:
        frame: its layers.
        hidden: the activation of each hidden layer.
        output: the activation of the outputs.
        loss: the loss.
        bias: for each layer whether its units have biases.
        edges: the weights there are, by (target, source), where not all are.
    """

    frame: Frame
    hidden: tuple[Activation, ...]
    output: Activation
    loss: Loss
    bias: tuple[bool, ...]
    edges: tuple[tuple[tuple[int, int], tuple[tuple[int, int], ...]], ...] = ()

    def network(self) -> Network | None:
        """Return the network, or None where its parts do not fit together."""
        sizes = self.frame.sizes
        activations = (*self.hidden, self.output)
        layers = tuple(
            Layer(size, (activation,), (bias,))
            for size, activation, bias in zip(sizes[1:], activations, self.bias, strict=True)
        )
        edges = dict(self.edges)
        pairs = [(level, level - 1) for level in range(1, len(sizes))] + list(self.frame.skips)
        connections = tuple(Connection(*pair, edges=edges.get(pair)) for pair in sorted(pairs))
        try:
            return Network(sizes[0], layers, connections, self.loss)
        except ChainruleError:
            return None


@dataclass(slots=True)
class Found:
    """The best network, the reading under which it is so, and what of it no line decides.

    Attributes:
        guess: its choices.
        net: the network.
        reading: how the document is to be read.
        score: how many links are right, less what speaks of places that it does not have.
        links: how many links there are.
        open_hidden: other activations of hidden layers that are as good.
        open_losses: other losses, with the outputs' activation, that are as good.
        even: whether what is open changes which lines are right.
    """

    guess: Guess
    net: Network
    reading: Reading
    score: int
    links: int
    open_hidden: list[str] = field(default_factory=list)
    open_losses: list[tuple[str, str]] = field(default_factory=list)
    even: bool = False


def search(
    rows: Rows, said: Said, known: Reading | None, *, until: float | None = None, only: Frame | None = None,
    others: bool = True, judges: dict[Network, Judge] | None = None,
) -> Found | None:  # fmt: skip
    """Return the network under which most of the rows are right, or None where their names fit none.

    Args:
        rows: the rows.
        said: what the words of the document say.
        known: how to read it, where that is given.
        until: when to take what is best so far.
        only: the layers, where they are known.
        others: whether to look for other choices that are as good.
        judges: those of networks that were tried before; the new ones are added.
    """
    judges = {} if judges is None else judges
    seeker = _Search(rows, said, known, until, only, judges)
    found = seeker.found()
    if known is None and not seeker.late and (found is None or found.score < LETTERED * found.links):
        lettered = _Search(rows, said, known, until, only, judges, own_letters=True)
        again = lettered.found()
        if again is not None and (found is None or again.score > found.score):
            seeker, found = lettered, again
    if found is not None and others:
        seeker.open(found)
    return found


class _Search:
    def __init__(
        self, rows: Rows, said: Said, known: Reading | None, until: float | None, only: Frame | None,
        judges: dict[Network, Judge], own_letters: bool = False,
    ) -> None:  # fmt: skip
        self.own_letters = own_letters
        self.all_rows = rows
        self.only = only
        self.rows = _spread(_claims(rows.all))
        self.links = sum(_claimed(row) for row in self.rows)
        self.said = said
        self.known = known
        self.until = until
        self.hints = _Hints(rows, said)
        self._judges = judges
        self.guess: Guess | None = None
        self.net: Network | None = None
        self.reading: Reading | None = None
        self.heard: list[Heard] = []
        self.score = -(10**9)

    @property
    def late(self) -> bool:
        """Whether the time is over."""
        return self.until is not None and time.perf_counter() > self.until

    @property
    def _slips_only(self) -> bool:
        """Whether so few links are not right that they are probably slips."""
        return self.links - self.score <= max(1, self.links // 8)

    def found(self) -> Found | None:
        """Return the best network."""
        for number, frame in enumerate(self._frames()):
            if self.guess is not None:
                if self.late or self.score >= self.links:
                    break
                if self._slips_only and frame.sizes[:-1] != self.guess.frame.sizes[:-1]:
                    continue
            self._begin(frame)
            if number == 0 and self.net is not None:
                self._descend()
        if self.guess is None or self.net is None:
            return None
        for _ in range(3):
            before = self.score
            self._descend()
            if self.score >= self.links or self.late:
                break
            self._reread()
            if self.score <= before:
                break
        assert self.guess is not None and self.reading is not None
        self._simplify()
        return Found(self.guess, self.net, self.reading, self.score, self.links)

    def _simplify(self) -> None:
        """Take the usual way to gather the terms of the loss where it makes the same links right."""
        guess = replace(self._best, loss=_loss(self._best.loss.name, parameter=self._best.loss.parameter))
        net = guess.network()
        if guess == self.guess or net is None or self.late:
            return
        judge = self._judge(net)
        judge.reading = self.reading
        heard = judge.heard(self.rows)
        if sum(one.fitness for one in heard) >= self.score:
            assert self.reading is not None
            self._take(guess, net, self.reading, heard)

    # Layers and reading

    def _frames(self) -> list[Frame]:
        if self.only is not None:
            return [self.only]
        every = every_name(self.all_rows.all)
        found: dict[tuple[object, ...], Frame] = {}
        given = [self.known] if self.known is not None else [*candidates(every, matrices=bool(self.all_rows.matrix))]
        if self.own_letters:
            roles = roles_in(self.all_rows.all, given[0].kinds)
            given = [*as_used(given[0], every, roles), *given]
        for reading in given:
            for frame in frames(self.all_rows, reading, self.said):
                found.setdefault((frame.sizes, frame.skips), frame)
            if len(found) >= MOST_FRAMES:
                break
        return sorted(found.values(), key=self._likely)[:MOST_FRAMES]

    def _likely(self, frame: Frame) -> tuple[int, int]:
        """Return less for layers that are as the words of the document say, and into which its weights lead."""
        proposed = next(self.said.sizes(len(frame.sizes) - 1), {})
        other = not proposed or any(frame.sizes[level] != size for level, size in proposed.items())
        return int(other), frame.unled

    def _begin(self, frame: Frame) -> None:
        """Try layers with what is likely else, under the reading that suits them best."""
        guesses = [self._guess(frame, loss, output) for loss, output in self.hints.losses[:2]]
        if self.guess is not None and len(self.guess.frame.sizes) == len(frame.sizes):
            guesses.insert(0, replace(self.guess, frame=frame, edges=()))
        for guess in guesses:
            net = guess.network()
            if net is None:
                continue
            reading, heard = self._judge(net).read(self.rows)
            score = sum(one.fitness for one in heard)
            if score > self.score:
                self._take(guess, net, reading, heard)
            if score >= self.links or self.late:
                return

    def _guess(self, frame: Frame, loss: str, output: str) -> Guess:
        depth = len(frame.sizes) - 1
        said = self.said.activations["hidden"]
        each = (
            said if len(said) == depth - 1 else [self.hints.hidden[0]] * (depth - 1)
        )  # the first ReLU, the second tanh
        return Guess(
            frame, tuple(map(_activation, each)), _activation(output),
            _loss(loss, *self.hints.reduction(loss)), (self.hints.bias,) * depth,
        )  # fmt: skip

    def _judge(self, net: Network) -> Judge:
        judge = self._judges.get(net)
        if judge is None:
            if len(self._judges) >= MOST_JUDGES:
                self._judges.clear()
            judge = self._judges[net] = Judge(net, reading=self.known, repairs=False)
            judge.until = self.until
        judge.reading = self.known
        judge.own_letters = self.own_letters
        return judge

    def _take(self, guess: Guess, net: Network, reading: Reading, heard: list[Heard]) -> None:
        self.guess, self.net, self.reading, self.heard = guess, net, reading, heard
        self.score = sum(one.fitness for one in heard)
        self.links = sum(_claimed(one.row) - (one.defines is not None) for one in heard)

    def _reread(self) -> None:
        """Look for a better reading now that the network is known better; dZ and 1/m go with how the loss gathers."""
        for guess in (self._best, *(self._gathered() if self.hints.samples else ())):
            net = guess.network()
            if net is not None and not self.late and self.score < self.links:
                reading, heard = self._judge(net).read(self.rows)
                if sum(one.fitness for one in heard) > self.score:
                    self._take(guess, net, reading, heard)

    # Choices

    def _descend(self) -> None:
        """Change one choice at a time while that makes more links right; a few slips are no reason to try them all."""
        for _ in range(3):
            before = self.score
            for options, most in _CHOICES:
                few = self.links - self.score <= max(1, self.links // 4)
                for guess in itertools.islice(options(self), most if few else None):
                    if self.score >= self.links or self.late:
                        return
                    self._enter(guess)
            if self.score <= before:
                return

    def _enter(self, guess: Guess) -> None:
        """Try other choices: on the rows that fail so far, and on all where that is better."""
        if guess == self.guess or (net := guess.network()) is None:
            return
        assert self.reading is not None
        failing = [one for one in self.heard if one.fitness < _claimed(one.row) - (one.defines is not None)]
        judge = self._judge(net)
        judge.reading = self.reading
        now = sum(one.fitness for one in failing)
        if sum(one.fitness for one in judge.heard([one.row for one in failing])) <= now:
            return
        heard = judge.heard(self.rows)
        if sum(one.fitness for one in heard) > self.score and not self.late:
            self._take(guess, net, self.reading, heard)

    @property
    def _best(self) -> Guess:
        assert self.guess is not None
        return self.guess

    def _losses(self) -> Iterator[Guess]:
        for loss, output in self.hints.losses:
            for gathers in self.hints.reductions(loss):
                for parameter in self.hints.parameters(loss):
                    yield replace(
                        self._best, loss=_loss(loss, *gathers, parameter=parameter), output=_activation(output)
                    )

    def _hidden(self) -> Iterator[Guess]:
        if not self._best.hidden:
            return
        for name in self.hints.hidden:
            for parameter in self.hints.parameters(name):
                yield replace(self._best, hidden=(_activation(name, parameter),) * len(self._best.hidden))

    def _each_hidden(self) -> Iterator[Guess]:
        """Yield other activations of single layers: of hidden ones, and of the outputs."""
        for layer in range(len(self._best.hidden)):
            for name in self.hints.hidden if len(self._best.hidden) > 1 else ():
                hidden = list(self._best.hidden)
                hidden[layer] = _activation(name)
                yield replace(self._best, hidden=tuple(hidden))
        for name in self.hints.outputs:
            yield replace(self._best, output=_activation(name))

    def _gathered(self) -> Iterator[Guess]:
        """Yield other ways to gather the terms of the loss."""
        for samples, outputs in REDUCTIONS:
            yield replace(self._best, loss=replace(self._best.loss, samples=samples, outputs=outputs))

    def _biases(self) -> Iterator[Guess]:
        assert self.reading is not None
        depth = len(self._best.bias)
        yield replace(self._best, bias=(not self._best.bias[0],) * depth)
        named = {
            int(match[0]) - self.reading.inputs_number("b") for name in every_name(self.all_rows.all)
            if self.reading.kind_of(name) == "b" and (match := re.search("[0-9]{1,2}", name.sup)) is not None
        }  # fmt: skip
        if named:
            yield replace(self._best, bias=tuple(level in named for level in range(1, depth + 1)))

    def _edges(self) -> Iterator[Guess]:
        """Yield the network of those weights only that the document names, where it does not name all."""
        assert self.reading is not None and self.net is not None
        named: dict[tuple[int, int], set[tuple[int, int]]] = {}
        program = self._judge(self.net).court(self.reading).numbers(1).program
        for name in every_name(self.all_rows.scalar):
            if self.reading.kind_of(name) != "w" or not any(char.isdecimal() for char in name.sub):
                continue
            try:
                what = self.reading.meaning(name, program, {}).what
            except NoMeaning:
                continue
            if isinstance(what, Ref) and what.symbol.kind == "w" and what.symbol.layer is not None:
                to, origin = (int(index) for index in what.indices if isinstance(index, int))
                named.setdefault((what.symbol.layer, what.symbol.source or 0), set()).add((to, origin))
        sizes = self._best.frame.sizes
        edges = tuple(
            (pair, tuple(sorted(own))) for pair, own in sorted(named.items())
            if len(own) < sizes[pair[0]] * sizes[pair[1]]
        )  # fmt: skip
        if edges:
            yield replace(self._best, edges=edges)

    # What is open

    def open(self, found: Found) -> None:
        """List the choices that are as good as the one that was taken, where words do not decide."""
        if not self.said.activations["hidden"] and found.guess.hidden:
            same = set(found.guess.hidden)
            for name in HIDDEN:
                guess = replace(found.guess, hidden=(_activation(name),) * len(found.guess.hidden))
                if {_activation(name)} != same and self._as_good(guess, found):
                    found.open_hidden.append(name)
        taken = (found.guess.loss.name, found.guess.output.name)
        for loss, output in USUAL[:8]:
            gathers = found.guess.loss.samples, found.guess.loss.outputs
            guess = replace(found.guess, loss=_loss(loss, *gathers), output=_activation(output))
            if (loss, output) != taken and self._as_good(guess, found):
                if self.said.losses and loss not in self.said.losses and taken[0] in self.said.losses:
                    continue
                if self.said.activations["output"] and output not in self.said.activations["output"]:
                    continue
                found.open_losses.append((loss, output))

    def _as_good(self, guess: Guess, found: Found) -> bool:
        """Return whether other choices make as many links right; the lines that differ are noted."""
        net = guess.network()
        if net is None or self.late:
            return False
        judge = self._judge(net)
        judge.reading = self.reading
        after = [one.fitness for one in judge.heard(self.rows)]
        if sum(after) < self.score:
            return False
        found.even |= after != [one.fitness for one in self.heard]
        return True


_CHOICES = (
    (_Search._losses, 8), (_Search._hidden, 5), (_Search._biases, 1), (_Search._each_hidden, 0), (_Search._edges, 1),
    (_Search._gathered, 2),
)  # fmt: skip
"""What can be chosen otherwise, and how many ways of it are tried where at most a quarter of the links is not right."""


class _Hints:
    """What functions and words make likely, each list with the likeliest first."""

    def __init__(self, rows: Rows, said: Said) -> None:
        self.said = said
        nodes = [part for row in rows.all for side in row.chain.sides if not isinstance(side.node, Unread)
                 for part in parts_of(side.node)]  # fmt: skip
        applied = list(dict.fromkeys(part.function.base for part in nodes if isinstance(part, Applied)))
        mentioned = [_BY_FUNCTION[name] for name in applied if name in _BY_FUNCTION]
        names = every_name(rows.all)
        kinds = letters_for(names)
        self.samples = bool(rows.matrix) and any(
            kinds.get(name.base) == "samples" and not name.sub and not name.sup for name in names
        )
        self.bias = any(
            kinds.get(name.base) in ("b", "db") or (kinds.get(name.base) == "w" and len(name.sub) > 1
                                                    and name.sub[-1:] == "0" and name.sub[:1] != "0")
            for name in names
        )  # fmt: skip
        if said.bias is not None and not self.bias:
            self.bias = said.bias
        numbers = [part.value for part in nodes if isinstance(part, Literal)]
        self.slopes = list(dict.fromkeys(float(value) for value in numbers if 0 < value < 1))[:3]
        likely = [*said.activations["hidden"], *(name for name in mentioned if name != "sigmoid")]
        bent = any(isinstance(part, Cases | Condition) for part in nodes) or "max" in applied
        likely += [*(name for name in said.activations[""] if name != "identity"), *(["relu"] * bent), *HIDDEN]
        likely += ["leaky_relu", "elu"] * bent
        self.hidden = [name for name in dict.fromkeys(likely) if name != "softmax"]
        outputs = [*said.activations["output"], *said.activations[""], *mentioned]
        self.outputs = list(dict.fromkeys((*said.activations["output"], *OUTPUTS)))
        layers = {name.sup for name in names if kinds.get(name.base) in ("w", "z", "a") and name.sup}
        general = not layers and bool({"f", "g", "φ", "σ"} & set(applied))  # o = f(net): no layer is linear
        arguments = [arg for part in nodes if isinstance(part, Applied) for arg in part.args]
        activated = {arg.base for arg in arguments if isinstance(arg, Name)}
        linear = any(_says_linear(row, kinds, activated) for row in rows.all)
        logs = bool({"log", "ln"} & set(applied))
        wanted = {loss for name in said.losses for loss in _ALIKE.get(name, (name,))}

        def rank(choice: tuple[str, str]) -> int:
            loss, output = choice
            points = 4 * (loss in wanted) + 2 * (output in said.activations["output"])
            points += (output in outputs and output in ("sigmoid", "softmax")) + 3 * (logs and "entropy" in loss)
            points += (general and output == "sigmoid") + 2 * (linear and output == "identity")
            return -points - (output == "softmax" and "softmax" in outputs)

        self.losses = sorted(USUAL, key=rank)

    def reduction(self, loss: str) -> tuple[str, str]:
        """Return how a loss probably gathers its terms."""
        return self.reductions(loss)[0]

    def reductions(self, loss: str) -> list[tuple[str, str]]:
        """Return how a loss can gather its terms, the likeliest first."""
        batch = [("mean", "sum")] if self.samples else []
        return list(dict.fromkeys((LOSS_RULES[loss].reduction, *batch, ("sum", "sum"))))

    def parameters(self, name: str) -> Iterable[float | None]:
        """Return the parameters of an activation or a loss that the document can mean."""
        return (None, *self.slopes) if name in ("leaky_relu", "elu", "huber") else (None,)


def _says_linear(row: Row, kinds: Mapping[str, str], activated: Container[str]) -> bool:
    """Return whether a row says that an output is a sum of products, which no activation is applied to."""
    left, *others = (side.node for side in row.chain.sides)
    if not isinstance(left, Name) or left.base in activated or kinds.get(left.base) != "pred":
        return False
    return row.chain.states_forward and any(isinstance(node, Total | Times | Summation) for node in others)


_ALIKE = {
    "cross_entropy": ("cross_entropy", "binary_cross_entropy", "softmax_cross_entropy", "cross_entropy_index"),
    "binary_cross_entropy": ("binary_cross_entropy", "bce_with_logits"),
    "half_squared_error": ("half_squared_error", "mse"),
    "mse": ("mse", "half_squared_error"),
}
"""Losses that people call by one name."""


def _activation(name: str, parameter: float | None = None) -> Activation:
    return Activation(name, parameter)


def _loss(name: str, samples: str = "", outputs: str = "", parameter: float | None = None) -> Loss:
    usual = LOSS_RULES[name].reduction
    return Loss(name, parameter, samples or usual[0], outputs or usual[1])


def _claims(rows: Iterable[Row]) -> list[Row]:
    """Return rows that can be right, each text once."""
    found = {row.key: row for row in rows if _claimed(row)}
    return list(found.values())


def _claimed(row: Row) -> int:
    """Return how many links of a row can be right: both sides are read, and `=` stands between them."""
    sides, relations = row.chain.sides, row.chain.relations
    return sum(
        not isinstance(left.node, Unread) and not isinstance(right.node, Unread) and relation in CLAIMS
        for left, right, relation in zip(sides, sides[1:], relations, strict=False)
    )


def _spread(rows: list[Row]) -> list[Row]:
    step = max(1, -(-len(rows) // MOST_ROWS))
    return list(itertools.islice(rows, 0, None, step))
