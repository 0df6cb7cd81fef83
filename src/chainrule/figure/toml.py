"""A network in TOML: all that the shorthand says, and a sheet's numbers, names, ties, skips and missing edges.

    name = "worksheet 3"
    layers = "2-3:tanh-1"               # or a [[layer]] table each: size, activation, bias, names
    inputs = ["height", "width"]        # or just their number
    bias = true
    loss = "mse"
    reduction = "mean"
    missing = ["w_12^1"]                # edges that are not there; "W_2" for a whole connection
    edges = ["w_11^2,0"]                # or the only edges of a connection (this one skips a layer)
    tied = [["w_11^1", "w_21^1"]]       # or whole layers, "W_2 = W_1^T"
    outputs = ["a_1^2"]                 # where they are not just the last layer

    [[skip]]                            # from layer 0, the inputs, into layer 2
    from = 0
    to = 2
    [weights]                           # W_l[j][i] = w_ij^l: a row for each unit that the weights come from
    W_1 = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]
    "w_11^2" = 0.7
    [biases]
    b_1 = [0, 0, 0]
    [[sample]]
    x = [1, 2]
    true = 1

A figure that is drawn neuron by neuron has `[[neuron]]` tables instead of layers (`chainrule.figure.graph`). This
module reads the layers and the loss; `wiring` what leads where, `sheet` the numbers, `written` writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.errors import ChainruleError, Place, raise_all
from chainrule.figure.document import Document, TooManyError, spell_path
from chainrule.figure.names import Word, place_errors, read_activation, read_loss, short
from chainrule.figure.shorthand import Defaults, read_parts
from chainrule.figure.wiring import read_wiring
from chainrule.network import Activation, Layer, Network
from chainrule.problems import MAX_UNITS

if TYPE_CHECKING:
    from chainrule.network import Loss

KEYS = (
    "name", "layers", "inputs", "bias", "loss", "reduction", "missing", "edges", "tied", "outputs",
    "layer", "skip", "neuron", "weights", "biases", "sample", "samples",
)  # fmt: skip
"""The keys that a file may have, in the order in which they are written."""


def from_toml(text: str, *, source: str = "<toml>", defaults: Defaults | None = None) -> Network:
    """Return the network that a TOML text describes.

    Args:
        text: the text.
        source: what to call it in errors, such as its file's name.
        defaults: what was said outside, as on the command line; loss, reduction and bias replace the text's own.

    Raises:
        NetworkError: with the line of what cannot be read (several at once as `Problems`).

    Example:
        >>> net = from_toml('''
        ... layers = "2-1"
        ... [weights]
        ... W_1 = [[0.5], [-1.0]]
        ... ''')
        >>> [f"{weight} = {number}" for weight, number in net.given.weights]
        ['w_11^1 = 0.5', 'w_12^1 = -1.0']
    """
    document = Document(text, source=source)
    net = None
    try:
        net = _read(document, defaults or Defaults())
    except TooManyError:
        pass
    except ChainruleError as error:
        document.problems.append(error)
    # What is read first is not always what stands first.
    raise_all(sorted(document.problems, key=lambda problem: problem.place.line or 0 if problem.place else 0))
    assert net is not None  # what could not be read has left a problem
    return net


def to_toml(net: Network) -> str:
    """Return the TOML text that `from_toml` reads back to an equal network, in its normal form.

    Raises:
        NetworkError: where a name holds a character that no TOML text can (a lone surrogate).

    Example:
        >>> print(to_toml(Network.read("2-3-1 --bias")), end="")
        layers = "2-3-1"
        bias = true
    """
    from chainrule.figure.written import write

    return write(net)


def _read(document: Document, said: Defaults) -> Network | None:
    data = document.data
    document.only(data, KEYS)
    name = document.take(data, "name", "string", default="")
    defaults = _defaults(document, said)
    if "neuron" in data:
        from chainrule.figure.graph import read_neurons

        return read_neurons(document, defaults, name, bias=said.bias)
    places: dict[object, Place] = {None: Place(document.source)}
    input_names: tuple[str, ...] = ()
    inputs = _inputs(document)
    if isinstance(inputs, tuple):
        input_names, inputs = inputs, len(inputs)
    if "layers" in data:
        found, layers, loss = _from_string(document, defaults, places)
        if inputs is not None and found and inputs != found:
            document.report("inputs_differ", "inputs", read=inputs, expected=found)
        inputs = found
    else:
        layers, loss = _from_tables(document, defaults, places, bias=said.bias)
        if inputs is None and not document.problems:
            document.report("missing_key", name="inputs", example="inputs = 2")
    if document.problems or inputs is None:  # what follows counts units, and these are not known
        return None
    from chainrule.figure.sheet import read_sheet

    sizes = (inputs, *(layer.size for layer in layers))
    names = (input_names, *(layer.names for layer in layers))
    wiring = read_wiring(document, sizes, names)
    given = read_sheet(document, sizes, wiring.connections)
    if document.problems:
        return None
    try:
        return Network(
            inputs, layers, wiring.connections, loss=loss, ties=wiring.ties, outputs=wiring.outputs,
            input_names=input_names, name=name, given=given,
        )  # fmt: skip
    except ChainruleError as error:
        samples: dict[object, Place] = {
            ("sample", n): document.place("sample", n - 1) for n in range(1, len(given.inputs) + 1)
        }
        document.problems += place_errors(error, {**places, **samples})
        return None


def _defaults(document: Document, said: Defaults) -> Defaults:
    """Return what was said outside, and beneath it the keys that hold for the whole network."""

    def word(key: str) -> Word | None:
        text = document.take(document.data, key, "string")
        return None if text is None else document.word(text, key)

    bias = document.take(document.data, "bias", "boolean")
    loss = word("loss")
    reduction = _reduction(document)
    return Defaults(
        bias=bias if said.bias is None else said.bias,
        loss=said.loss or loss,
        reduction=said.reduction or (None if said.loss else reduction),
        hidden=said.hidden,
        output=said.output,
    )


def _reduction(document: Document) -> Word | None:
    value = document.take(document.data, "reduction", "string or table")
    if isinstance(value, dict):  # { samples = "mean", outputs = "sum" } says the same as the word
        value = ",".join(f"{over}={how}" for over, how in value.items())
    return None if value is None else document.word(value, "reduction")


def _inputs(document: Document) -> int | tuple[str, ...] | None:
    value: int | list[Any] | None = document.take(document.data, "inputs", "integer or array")
    if isinstance(value, list):
        return tuple(document.strings(value, "inputs"))
    if isinstance(value, int) and not _size_fits(document, value, 0, "inputs"):
        return None
    return value


def _size_fits(document: Document, size: int, level: int, *path: str | int) -> bool:
    if size < 1:
        document.report("empty_layer", *path, layer=level, read=size)
    elif size > MAX_UNITS:
        document.report("huge_layer", *path, layer=level, read=_spell(size), limit=MAX_UNITS)
    return 1 <= size <= MAX_UNITS


def _spell(number: int) -> str:
    """Return an integer as text, in short where it is long; Python refuses to write thousands of digits."""
    return short(number) if number < 10**40 else "10^40 …"


def _from_string(
    document: Document, defaults: Defaults, places: dict[object, Place]
) -> tuple[int, tuple[Layer, ...], Loss]:
    """Return what `layers = "2-3-1"` says."""
    if "layer" in document.data:
        document.report("layers_twice", "layer")
    text = document.take(document.data, "layers", "string")
    line = document.place("layers").line
    source = f"{document.source}:{line}: layers" if line else f"{document.source}: layers"
    parts = read_parts("1-1" if text is None else text, source=source, defaults=defaults)
    for key, place in parts.places.items():
        places.setdefault(key, place)
    document.problems += parts.problems
    document.enough()
    return parts.inputs, parts.layers, parts.loss


def _from_tables(
    document: Document, defaults: Defaults, places: dict[object, Place], *, bias: bool | None
) -> tuple[tuple[Layer, ...], Loss]:
    """Return what the `[[layer]]` tables say. `bias` is what was said outside, against any table."""
    tables = document.tables("layer")
    if not tables and not document.problems:
        document.report("missing_key", name="layers", example='layers = "2-3-1"')
    layers = tuple(
        layer
        for level, table in enumerate(tables, start=1)
        if (layer := _layer(document, table, level, defaults, is_output=level == len(tables), forced_bias=bias))
    )
    places.update({level: document.place("layer", level - 1) for level in range(1, len(tables) + 1)} if tables else {})
    loss = read_loss(defaults.loss, defaults.reduction, problems=document.problems)
    said = defaults.loss or defaults.reduction
    places["loss"] = said.place if said else Place(document.source)
    return layers, loss


def _layer(
    document: Document,
    table: dict[str, Any],
    level: int,
    defaults: Defaults,
    *,
    is_output: bool,
    forced_bias: bool | None,
) -> Layer | None:
    """Return one layer, or None where its size is not known."""
    path = ("layer", level - 1)
    document.only(table, ("size", "activation", "bias", "names"), *path)
    names = tuple(document.strings(document.take(table, "names", "array", *path, default=[]), *path, "names"))
    size = document.take(table, "size", "integer", *path, default=len(names) or None)
    if size is None:
        if "size" not in table:
            document.report("missing_key", *path, name=f"{spell_path(path)}.size", example="size = 3")
        return None
    if not _size_fits(document, size, level, *path, "size"):
        return None
    activation = document.take(table, "activation", "string or array", *path)
    if activation is None:
        default = defaults.output if is_output else defaults.hidden
        usual = Activation("identity" if is_output else "sigmoid")
        activations = (read_activation(default, layer=level, problems=document.problems) if default else usual,)
    else:
        words = [activation] if isinstance(activation, str) else document.strings(activation, *path, "activation")
        place = document.place(*path, "activation")
        # One object for one word, so that a layer of a million units stays small; and one problem for it.
        known = {
            word: read_activation(Word(word, place), layer=level, problems=document.problems)
            for word in dict.fromkeys(words)
        }
        activations = _per_unit(document, tuple(known[word] for word in words), size, level, "activation")
    bias = document.take(table, "bias", "boolean or array", *path, default=defaults.bias or False)
    if forced_bias is not None:
        bias = forced_bias
    if isinstance(bias, list):
        flags = [document.typed(flag, "boolean", *path, "bias", default=False) for flag in bias]
        biases = _per_unit(document, tuple(flags), size, level, "bias")
    else:
        biases = (bias,)
    _per_unit(document, names or ("",), size, level, "names")
    document.enough()
    return Layer(size, activations, biases, names)


def _per_unit(document: Document, entries: tuple[Any, ...], size: int, level: int, what: str) -> tuple[Any, ...]:
    """Return entries of a layer in the normal form; report a number of them that does not fit."""
    from chainrule.figure.normal import uniform

    if len(entries) not in (1, size) or (what == "names" and entries != ("",) and len(entries) != size):
        path = ("layer", level - 1, what)
        document.report("per_unit_count", *path, what=what, layer=level, read=len(entries), size=size)
    return uniform(entries)
