"""The network under which most lines of a document are right: layers, activations, loss and biases, one after another.

A search starts from what names and words make likely, and changes one choice at a time while a change makes more links
right. Every change is judged on the rows that are not right yet, and on all of them only where it gains there; so it
ends, and what is best when the time is over is taken. What no line decides is listed as open.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chainrule.errors import ChainruleError
from chainrule.judge.court import parts_of
from chainrule.judge.infer_sizes import Frame, Rows, every_name, frames, kind_of
from chainrule.judge.judging import Heard, Judge
from chainrule.judge.readings import candidates, letters_for
from chainrule.judge.syntax import Applied, Cases, Condition, Literal, Unread
from chainrule.network import Activation, Connection, Layer, Loss, Network
from chainrule.rules import LOSSES as LOSS_RULES

if TYPE_CHECKING:
    from chainrule.judge.infer_words import Said
    from chainrule.judge.reading import Reading
    from chainrule.judge.rows import Row

MOST_ROWS = 150
"""How many rows a network is sought with, spread over the document."""

MOST_FRAMES = 10
"""How many ways to size the layers are tried."""

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
    rows: Rows, said: Said, known: Reading | None, *, until: float | None = None, only: Frame | None = None
) -> Found | None:
    """Return the network under which most of the rows are right, or None where their names fit none.

    Args:
        rows: the rows.
        said: what the words of the document say.
        known: how to read it, where that is given.
        until: when to take what is best so far.
        only: the layers, where they are known.
    """
    return _Search(rows, said, known, until, only).found()


class _Search:
    def __init__(self, rows: Rows, said: Said, known: Reading | None, until: float | None, only: Frame | None) -> None:
        self.all_rows = rows
        self.only = only
        self.rows = _spread(_claims(rows.all))
        self.links = sum(len(row.chain.sides) - 1 for row in self.rows)
        self.said = said
        self.known = known
        self.until = until
        self.hints = _Hints(rows.all, said)
        self._judges: dict[Network, Judge] = {}
        self.guess: Guess | None = None
        self.net: Network | None = None
        self.reading: Reading | None = None
        self.heard: list[Heard] = []
        self.score = -(10**9)

    @property
    def late(self) -> bool:
        """Whether the time is over."""
        return self.until is not None and time.perf_counter() > self.until

    def found(self) -> Found | None:
        """Return the best network."""
        for frame in self._frames():
            if self.net is not None and (self.late or self.score >= self.links):
                break
            self._begin(frame)
        if self.guess is None or self.net is None:
            return None
        for _ in range(3):
            before = self.score
            self._descend()
            if self.score >= self.links or self.late or not self._reread() or self.score <= before:
                break
        assert self.guess is not None and self.reading is not None
        found = Found(self.guess, self.net, self.reading, self.score, self.links)
        self._open(found)
        return found

    # Layers and reading

    def _frames(self) -> list[Frame]:
        if self.only is not None:
            return [self.only]
        every = every_name(self.all_rows.all)
        found: dict[tuple[object, ...], Frame] = {}
        given = [self.known] if self.known is not None else candidates(every, matrices=bool(self.all_rows.matrix))
        for reading in given:
            for frame in frames(self.all_rows, reading, self.said):
                found.setdefault((frame.sizes, frame.skips), frame)
            if len(found) >= MOST_FRAMES:
                break
        return list(found.values())[:MOST_FRAMES]

    def _begin(self, frame: Frame) -> None:
        """Try layers with what is likely else, under the reading that suits them best."""
        for loss, output in self.hints.losses[:2]:
            guess = self._guess(frame, loss, output)
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
        hidden = self.hints.hidden[0]
        return Guess(
            frame, tuple(_activation(hidden) for _ in range(depth - 1)), _activation(output),
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
        return judge

    def _take(self, guess: Guess, net: Network, reading: Reading, heard: list[Heard]) -> None:
        self.guess, self.net, self.reading, self.heard = guess, net, reading, heard
        self.score = sum(one.fitness for one in heard)

    def _reread(self) -> bool:
        """Return whether another reading is better now that the network is known better."""
        assert self.net is not None and self.guess is not None
        reading, heard = self._judge(self.net).read(self.rows)
        better = sum(one.fitness for one in heard) > self.score
        if better:
            self._take(self.guess, self.net, reading, heard)
        return better

    # Choices

    def _descend(self) -> None:
        """Change one choice at a time while that makes more links right."""
        for _ in range(3):
            before = self.score
            for options in (self._losses, self._hidden, self._biases, self._each_hidden, self._edges, self._gathered):
                for guess in options():
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
        failing = [one for one in self.heard if one.fitness < len(one.findings)]
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
        depth = len(self._best.bias)
        yield replace(self._best, bias=(not self._best.bias[0],) * depth)
        for level in range(depth):
            yield replace(self._best, bias=tuple(bias != (level == at) for at, bias in enumerate(self._best.bias)))

    def _edges(self) -> Iterator[Guess]:
        """Yield the network of those weights only that the document names, where it does not name all."""
        assert self.reading is not None and self.net is not None
        named: dict[tuple[int, int], set[tuple[int, int]]] = {}
        program = self._judge(self.net).court(self.reading).numbers(1).program
        for name in every_name(self.all_rows.scalar):
            if kind_of(name, self.reading) != "w" or not any(char.isdecimal() for char in name.sub):
                continue
            try:
                what = self.reading.meaning(name, program, {}).what
            except Exception as error:
                from chainrule.judge.reading import NoMeaning

                if isinstance(error, NoMeaning):
                    continue
                raise
            symbol, indices = getattr(what, "symbol", None), getattr(what, "indices", ())
            if symbol is not None and symbol.kind == "w" and len(indices) == 2:
                named.setdefault((symbol.layer, symbol.source or 0), set()).add(indices)
        sizes = self._best.frame.sizes
        edges = tuple(
            (pair, tuple(sorted(own))) for pair, own in sorted(named.items())
            if len(own) < sizes[pair[0]] * sizes[pair[1]]
        )  # fmt: skip
        if edges:
            yield replace(self._best, edges=edges)

    # What is open

    def _open(self, found: Found) -> None:
        """List the choices that are as good as the one that was taken, where words do not decide."""
        if not self.said.activations["hidden"] and found.guess.hidden:
            same = set(found.guess.hidden)
            for name in HIDDEN:
                guess = replace(found.guess, hidden=(_activation(name),) * len(found.guess.hidden))
                if {_activation(name)} != same and self._as_good(guess, found):
                    found.open_hidden.append(name)
        taken = (found.guess.loss.name, found.guess.output.name)
        for loss, output in USUAL[:8]:
            guess = replace(found.guess, loss=_loss(loss), output=_activation(output))
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
        lost, spare = 0, self.links - self.score
        after: list[int] = []
        for one in self.heard:
            after.append(sum(other.fitness for other in judge.heard([one.row])))
            lost += max(0, one.fitness - after[-1])
            if lost > spare:
                return False
        if sum(after) != self.score:
            return False
        found.even |= after != [one.fitness for one in self.heard]
        return True


class _Hints:
    """What functions and words make likely, each list with the likeliest first."""

    def __init__(self, rows: Sequence[Row], said: Said) -> None:
        self.said = said
        nodes = [part for row in rows for side in row.chain.sides if not isinstance(side.node, Unread)
                 for part in parts_of(side.node)]  # fmt: skip
        applied = list(dict.fromkeys(part.function.base for part in nodes if isinstance(part, Applied)))
        mentioned = [_BY_FUNCTION[name] for name in applied if name in _BY_FUNCTION]
        names = every_name(rows)
        kinds = letters_for(names)
        self.samples = any(kinds.get(name.base) == "samples" and not name.sub and not name.sup for name in names)
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
        logs = bool({"log", "ln"} & set(applied))
        wanted = {loss for name in said.losses for loss in _ALIKE.get(name, (name,))}

        def rank(choice: tuple[str, str]) -> int:
            loss, output = choice
            points = 4 * (loss in wanted) + 2 * (output in said.activations["output"])
            points += (output in outputs and output != "identity") + 3 * (logs and "entropy" in loss)
            return -points - (output == "softmax" and "softmax" in outputs)

        self.losses = sorted(USUAL, key=rank)

    def reduction(self, loss: str) -> tuple[str, str]:
        """Return how a loss probably gathers its terms."""
        return self.reductions(loss)[0]

    def reductions(self, loss: str) -> list[tuple[str, str]]:
        """Return how a loss can gather its terms, the likeliest first."""
        usual = [("mean", "sum")] if self.samples else []
        return list(dict.fromkeys((*usual, LOSS_RULES[loss].reduction, ("sum", "sum"))))

    def parameters(self, name: str) -> Iterable[float | None]:
        """Return the parameters of an activation or a loss that the document can mean."""
        return (None, *self.slopes) if name in ("leaky_relu", "elu", "huber") else (None,)


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
    found = {row.key: row for row in rows if not all(isinstance(side.node, Unread) for side in row.chain.sides)}
    return list(found.values())


def _spread(rows: list[Row]) -> list[Row]:
    step = max(1, -(-len(rows) // MOST_ROWS))
    return list(itertools.islice(rows, 0, None, step))
