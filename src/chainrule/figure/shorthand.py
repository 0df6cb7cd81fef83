"""The shorthand: `2-3:tanh-2:relu-1 --bias --loss mse`, one line for a layered figure; and a network written that way.

    text       layers options
    layers     SIZE (- LAYER)+            the first size is the number of inputs
    LAYER      SIZE [: ACTIVATION]        3, 3:tanh, 3:leaky_relu(0.1)
    options    --bias                     every unit after the inputs has a bias
               --loss NAME                mse, huber(0.5), …
               --reduction HOW            sum, mean, batchmean, or samples=mean,outputs=sum
               --hidden ACTIVATION        for hidden layers that name none (else sigmoid)
               --output ACTIVATION        for the last layer where it names none (else identity)

An en dash, which word processors put in place of a hyphen, is read as a hyphen. What the shorthand cannot say (given
numbers, missing edges, skips, ties, names) is said in TOML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chainrule.errors import ChainruleError, NetworkError, Place, raise_all
from chainrule.figure.names import (
    MAX_PROBLEMS,
    Word,
    near,
    place_at,
    place_errors,
    read_activation,
    read_loss,
    short,
    spell_reduction,
)
from chainrule.network import Activation, Layer, Loss, Network
from chainrule.problems import MAX_LAYERS, MAX_UNITS
from chainrule.rules import LOSSES

if TYPE_CHECKING:
    from collections.abc import Iterator

OPTIONS = ("bias", "loss", "reduction", "hidden", "output")

_DASH = "-–—−‐‑"
_OPTION = re.compile(r"(?:--|(?<=\s)[–—])(?=[^\W\d])(?P<name>[\w-]+)[\s=]*")
_FIRST_OPTION = re.compile(r"(?:\A|(?<=\s)|(?<=[\w)]))--(?=[^\W\d])|(?<=\s)[–—](?=[^\W\d])")
_SIZE = re.compile(rf"\s*(?P<read>[^{_DASH}:\s]*)\s*")
# A dash before a letter belongs to a name (hard-tanh), for sizes begin with a digit; in brackets one is a sign (1e-3).
_ACTIVATION = re.compile(rf"\s*(?P<read>(?:[^{_DASH}:()]|[{_DASH}](?=[^\W\d]))*(?:\([^()]*\)?)?)")
_NEXT = re.compile(rf"\s*(?P<stray>[^{_DASH}]*)(?P<dash>[{_DASH}]?)")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What was said outside the figure's own text, as on the command line. None where nothing was said."""

    bias: bool | None = None
    loss: Word | None = None
    reduction: Word | None = None
    hidden: Word | None = None
    output: Word | None = None


@dataclass(slots=True)
class _Reading:
    """What has been read so far: sizes and activations by layer, options, and what could not be read."""

    text: str
    source: str
    layers: list[tuple[int, Word | None, Place]] = field(default_factory=list)
    options: dict[str, Word] = field(default_factory=dict)
    problems: list[ChainruleError] = field(default_factory=list)
    whole: Place | None = None

    def place(self, start: int, end: int) -> Place:
        if "\n" in self.text:
            return place_at(self.source, self.text, start, end)
        # Every layer has its place: on one line, they share the text that is shown.
        if self.whole is None:
            self.whole = place_at(self.source, self.text, 0, len(self.text))
        return replace(self.whole, column=start, end=max(start + 1, min(end, len(self.text))))

    def report(self, key: str, start: int, end: int, **facts: object) -> None:
        self.problems.append(NetworkError(key, place=self.place(start, end), **facts))


@dataclass(frozen=True, slots=True)
class Parts:
    """What a shorthand says, before it is known whether it fits together: TOML may say more about the same layers.

    Attributes:
        inputs: the number of inputs; 0 where it could not be read.
        places: where each layer's activation (or size) stands, by its number; the loss by "loss"; all of it by None.
        problems: what could not be read.
    """

    inputs: int
    layers: tuple[Layer, ...]
    loss: Loss
    places: dict[object, Place]
    problems: list[ChainruleError]


def from_shorthand(text: str, *, source: str = "shorthand", defaults: Defaults | None = None) -> Network:
    """Return the network that a shorthand describes.

    Args:
        text: the shorthand, with or without options after the layers.
        source: what to call the text in errors.
        defaults: what was said outside the text; loss, reduction and bias replace the text's own.

    Raises:
        NetworkError: with the place of what cannot be read (several at once as `Problems`).

    Example:
        >>> net = from_shorthand("2-3:tanh-1 --bias --loss mse")
        >>> [str(layer.activations[0]) for layer in net.layers], net.loss.samples
        (['tanh', 'identity'], 'mean')
    """
    parts = read_parts(text, source=source, defaults=defaults or Defaults())
    problems, net = parts.problems, None
    if parts.layers:
        try:
            net = Network(parts.inputs, parts.layers, loss=parts.loss)
        except ChainruleError as error:
            problems += place_errors(error, parts.places)
    # Sizes are read before activations, and what fits together is known last; a person reads from left to right.
    raise_all(sorted(problems, key=lambda problem: problem.place.column or 0 if problem.place else 0))
    assert net is not None  # without layers, the reading has a problem
    return net


def read_parts(text: str, *, source: str, defaults: Defaults) -> Parts:
    """Return the layers and the loss that a shorthand describes, with all that cannot be read."""
    reading = _Reading(text, source)
    first = _FIRST_OPTION.search(text)
    _read_layers(reading, first.start() if first else len(text))
    if first:
        _read_options(reading, first.start())
    return _gather(reading, defaults)


def _read_layers(reading: _Reading, end: int) -> None:
    text, position = reading.text, 0
    if not text[:end].strip():
        reading.report("empty_shorthand", 0, max(1, min(end, 40)))
        return
    layers_written = sum(text.count(dash, 0, end) for dash in _DASH) + 1
    if layers_written > 2 * MAX_LAYERS:  # so many dashes stand in no activation's name or number
        reading.report("too_many_layers", 0, 40, read=layers_written - 1, limit=MAX_LAYERS)
        return
    while len(reading.problems) < MAX_PROBLEMS:
        match = _SIZE.match(text, position, end)
        assert match is not None  # every part of the pattern may be empty
        size = _read_size(reading, match)
        place, position = reading.place(*match.span("read")), match.end()
        word = None
        if position < end and text[position] == ":":
            match = _ACTIVATION.match(text, position + 1, end)
            assert match is not None
            begin = match.start("read")
            read = match["read"].rstrip()
            word = Word(read, reading.place(begin, begin + len(read)))
            position = match.end()
            if not reading.layers:
                reading.report("input_activation", begin, begin + len(read), read=short(read))
        reading.layers.append((size, word, place))
        match = _NEXT.match(text, position, end)
        assert match is not None
        if stray := match["stray"].rstrip():
            begin = match.start("stray")
            reading.report("stray_text", begin, begin + len(stray), read=short(stray))
        position = match.end()
        if not match["dash"]:
            break
    if len(reading.layers) == 1 and not reading.problems:
        reading.report("one_layer", 0, len(text[:end].rstrip()), read=short(text[:end].strip()))


def _read_size(reading: _Reading, match: re.Match[str]) -> int:
    read, (start, end) = match["read"], match.span("read")
    if not (read.isascii() and read.isdigit()):
        digits = re.findall(r"[0-9]+", read[:200])
        example = "-".join(digits) if len(digits) > 1 else f"3:{read}" if read.isalpha() and len(read) < 20 else "3"
        reading.report("malformed_size", start, end, read=short(read), near=example)
        return 1
    digits_only = read.lstrip("0")
    # Compared by length first: int() itself refuses thousands of digits.
    if len(digits_only) > 18 or int(digits_only or "0") > MAX_UNITS:
        reading.report("huge_layer", start, end, layer=len(reading.layers), read=short(read), limit=MAX_UNITS)
        return 1
    if not digits_only:
        reading.report("empty_layer", start, end, layer=len(reading.layers), read=0)
        return 1
    return int(digits_only)


def _read_options(reading: _Reading, start: int) -> None:
    """Read `--name value` and `--name=value` up to the end of the text."""
    matches = list(_OPTION.finditer(reading.text, start))
    ends = [match.start() for match in matches[1:]] + [len(reading.text)]
    for match, end in zip(matches, ends, strict=True):
        name = match["name"].lower()
        value = reading.text[match.end() : end].rstrip()
        if name not in OPTIONS:
            known = ", ".join(f"--{option}" for option in OPTIONS)
            closest = near(name, OPTIONS) or "loss"
            span = match.start(), match.end("name")
            reading.report("unknown_option", *span, read=short(name), near=closest, known=known)
        elif name in reading.options:
            reading.report("option_twice", match.start(), match.end("name"), read=name)
        elif name == "bias" and value:
            reading.report("stray_text", match.end(), match.end() + len(value), read=short(value))
        elif name != "bias" and not value:
            reading.report("option_without_value", match.start(), match.end("name"), read=name)
        else:
            reading.options[name] = Word(value, reading.place(match.end(), match.end() + max(1, len(value))))
        if len(reading.problems) >= MAX_PROBLEMS:
            return


def _gather(reading: _Reading, defaults: Defaults) -> Parts:
    """Return what was read, with the defaults where nothing was said."""
    problems, options = reading.problems, reading.options
    last = len(reading.layers) - 1
    bias = ("bias" in options) if defaults.bias is None else defaults.bias
    loss_word = defaults.loss or options.get("loss")
    # A loss named outside brings its own usual reduction, unless one is named there too.
    reduction_word = defaults.reduction or (None if defaults.loss else options.get("reduction"))
    loss = read_loss(loss_word, reduction_word, problems=problems)
    fallback: dict[bool, Activation] = {}
    for is_output, name, usual in ((False, "hidden", "sigmoid"), (True, "output", "identity")):
        word = getattr(defaults, name) or options.get(name)
        known = read_activation(word, layer=last if is_output else 1, problems=problems) if word else None
        fallback[is_output] = known or Activation(usual)
    layers = []
    for level, (size, word, _) in enumerate(reading.layers[1:], start=1):
        activation = fallback[level == last] if word is None else read_activation(word, layer=level, problems=problems)
        layers.append(Layer(size, (activation,), (bias,)))
    places: dict[object, Place] = {n: word.place if word else at for n, (_, word, at) in enumerate(reading.layers)}
    whole = places[None] = reading.place(0, len(reading.text.rstrip()))
    said = loss_word or reduction_word
    places["loss"] = said.place if said else whole
    return Parts(reading.layers[0][0] if reading.layers else 0, tuple(layers), loss, places, problems)


def to_shorthand(net: Network) -> str:
    """Return the shortest shorthand that reads back to an equal network.

    Raises:
        NetworkError: where the shorthand has no word for a part; the error names it by its word in TOML.

    Example:
        >>> to_shorthand(from_shorthand("2 - 3:Tanh - 4:tanh - 1:linear --loss MSE"))
        '2-3:tanh-4:tanh-1 --loss mse'
    """
    if part := next(_unsayable(net), None):
        raise NetworkError("no_shorthand", part=part)
    hidden = [layer.activations[0] for layer in net.layers[:-1]]
    plain = layers_text(net, Activation("sigmoid"))
    choices = [plain]
    choices += [f"{layers_text(net, a)} --hidden {a}" for a in dict.fromkeys(hidden) if a != Activation("sigmoid")]
    words = [min(choices, key=len)]
    if net.layers[0].bias[0]:
        words.append("--bias")
    words += _loss_words(net.loss)
    return " ".join(words)


def layers_text(net: Network, hidden: Activation) -> str:
    """Return the layers of a shorthand, `2-3:tanh-1`, for hidden layers that have `hidden` where they name none."""
    parts = [str(net.inputs)]
    for level, layer in enumerate(net.layers, start=1):
        usual = Activation("identity") if level == net.depth else hidden
        parts.append(str(layer.size) if layer.activations[0] == usual else f"{layer.size}:{layer.activations[0]}")
    return "-".join(parts)


def _loss_words(loss: Loss) -> Iterator[str]:
    if str(loss) != str(Loss()):
        yield f"--loss {loss}"
    if (loss.samples, loss.outputs) != LOSSES[loss.name].reduction:
        yield f"--reduction {spell_reduction(loss.samples, loss.outputs)}"


def _unsayable(net: Network) -> Iterator[str]:
    """Yield the parts of a network that the shorthand has no word for, by their keys in TOML."""
    if net.name:
        yield "name"
    if net.input_names or any(layer.names for layer in net.layers):
        yield "names"
    if any(len(layer.activations) > 1 for layer in net.layers):
        yield "activation"
    if len({layer.bias for layer in net.layers}) > 1 or len(net.layers[0].bias) > 1:
        yield "bias"
    if any(c.source != c.target - 1 for c in net.connections):
        yield "skip"
    if any(c.edges is not None for c in net.connections) or len(net.connections) < net.depth:
        yield "missing"
    if [c.target for c in net.connections] != sorted(c.target for c in net.connections):
        yield "connections"
    if net.ties:
        yield "tied"
    if net.outputs:
        yield "outputs"
    if net.given:
        yield "weights, biases, sample"
