"""A figure drawn neuron by neuron: any feed-forward graph becomes a Network.

A neuron's layer is the longest way to it from the inputs. Within a layer, units stand in the order in which they are
listed. Outputs that nothing else reads stand together in the last layer, in the order of `outputs`; where an output
is read by another neuron, every neuron stays at its own depth and `Network.outputs` names the ones that are read out.

    inputs = ["a", "b"]                 [[neuron]]                           [[neuron]]
    outputs = ["o"]                     name = "h"                           name = "o"
                                        from = ["a", "b"]                    from = { a = 0.5, h = -1.0 }
                                        activation = "tanh"                  bias = 0.1
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from chainrule.errors import ChainruleError, NetworkError, Place, raise_all
from chainrule.figure.names import MAX_PROBLEMS, Word, near, read_activation, read_loss, short
from chainrule.figure.normal import in_order, uniform, weight_order
from chainrule.network import Activation, Connection, Given, Layer, Loss, Network, Weight

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from chainrule.figure.document import Document
    from chainrule.figure.shorthand import Defaults


@dataclass(frozen=True, slots=True)
class Neuron:
    """One neuron of a graph.

    Attributes:
        name: what it is called; no other neuron or input may be called so.
        origins: the inputs and neurons that lead here: their names, pairs of a name and the weight's number, or both
            mixed. A mapping of names to numbers is taken too.
        activation: its activation or the name of one; None for the usual one, identity for outputs and sigmoid else.
        bias: whether it has a bias, or the bias's number.

    Example:
        >>> Neuron("h", ["a", "b"]).edges
        (('a', None), ('b', None))
        >>> Neuron("h", {"a": 0.5}, activation="relu", bias=0.1).edges
        (('a', 0.5),)
    """

    name: str
    origins: Iterable[str | tuple[str, float | None]] | Mapping[str, float | None]
    activation: Activation | str | None = None
    bias: bool | float = False

    def __post_init__(self) -> None:
        origins = self.origins.items() if isinstance(self.origins, Mapping) else self.origins
        pairs = tuple((origin, None) if isinstance(origin, str) else origin for origin in origins)
        object.__setattr__(self, "origins", pairs)
        if isinstance(self.activation, str):
            problems: list[ChainruleError] = []
            word = Word(self.activation, Place(self.name))
            object.__setattr__(self, "activation", read_activation(word, layer=1, problems=problems))
            raise_all(problems)

    @property
    def edges(self) -> tuple[tuple[str, float | None], ...]:
        """The ways in, as pairs of a name and the weight's number or None."""
        return cast("tuple[tuple[str, float | None], ...]", self.origins)


def from_graph(
    inputs: Sequence[str],
    neurons: Sequence[Neuron],
    outputs: Sequence[str],
    *,
    loss: Loss | None = None,
    name: str = "",
    samples: Given | None = None,
) -> Network:
    """Return the network of a graph.

    Args:
        inputs: the names of the inputs.
        neurons: the neurons, in any order.
        outputs: the names of the neurons that are read out.
        loss: the loss; half the squared error where left out.
        name: what the figure is called.
        samples: given inputs and targets; its weights and biases are not looked at, neurons bring their own.

    Raises:
        NetworkError: for unknown or doubled names, a cycle, neurons that nothing leads to or that lead nowhere.

    Example:
        >>> net = from_graph(["a"], [Neuron("h", {"a": 0.5}), Neuron("o", ["a", "h"])], ["o"])
        >>> [layer.names for layer in net.layers], [str(weight) for weight in net.weights()]
        ([('h',), ('o',)], ['w_11^1', 'w_11^2', 'w_11^2,0'])
    """
    return _Graph(inputs, neurons, outputs, {}).network(loss or Loss(), name, samples or Given())


class _Graph:
    """A graph under examination. `places` knows where neurons stand, by their position."""

    def __init__(
        self, inputs: Sequence[str], neurons: Sequence[Neuron], outputs: Sequence[str], places: Mapping[object, Place]
    ) -> None:
        self.inputs = tuple(inputs)
        self.neurons = tuple(neurons)
        self.outputs = tuple(outputs)
        self.places = places
        self.problems: list[ChainruleError] = []
        self.number = {neuron.name: position for position, neuron in enumerate(neurons)}

    def network(self, loss: Loss, name: str, samples: Given) -> Network:
        self._check_names()
        raise_all(self.problems)
        order = self._order()
        self._check_ways()
        raise_all(self.problems)
        layers_of_names, outputs = self._layers(order)
        return self._assemble(layers_of_names, outputs, loss, name, samples)

    def _report(self, key: str, about: object, **facts: object) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            place = self.places.get(about) or self.places.get(None)
            self.problems.append(NetworkError(key, place=place, **facts))

    def _check_names(self) -> None:
        known = {*self.inputs, *self.number}
        counts = Counter([*self.inputs, *(neuron.name for neuron in self.neurons)])
        for name, count in counts.items():
            if count > 1:
                self._report("name_twice", self.number.get(name, "inputs"), read=short(name))
        if not self.inputs:
            self._report("missing_key", "inputs", name="inputs", example='inputs = ["a", "b"]')
        if not self.outputs:
            self._report("missing_key", "outputs", name="outputs", example='outputs = ["o"]')
        for position, neuron in enumerate(self.neurons):
            seen: set[str] = set()
            for origin, _ in neuron.edges:
                if origin not in known:
                    self._report_unknown(origin, known, position)
                elif origin in seen:
                    self._report("origin_twice", position, read=short(origin), name=short(neuron.name))
                seen.add(origin)
        for name, count in Counter(self.outputs).items():
            if name not in self.number:
                self._report_unknown(name, self.number, "outputs")
            if count > 1:
                self._report("output_twice", "outputs")

    def _report_unknown(self, name: str, known: Iterable[str], about: object) -> None:
        names = sorted(known)
        if len(self.problems) < MAX_PROBLEMS:
            closest = near(name, names) or (names or [""])[0]
            shown = short(", ".join(names), limit=100)
            self._report("unknown_name", about, read=short(name), near=short(closest), known=shown)

    def _order(self) -> list[int]:
        """Return the positions of the neurons, each after all that lead to it; report a cycle, if there is one."""
        readers: list[list[int]] = [[] for _ in self.neurons]
        waiting = []
        for position, neuron in enumerate(self.neurons):
            origins = [self.number[origin] for origin, _ in neuron.edges if origin in self.number]
            waiting.append(len(origins))
            for origin in origins:
                readers[origin].append(position)
        order = [position for position, count in enumerate(waiting) if not count]
        for position in order:  # grows while it is walked
            for reader in readers[position]:
                waiting[reader] -= 1
                if not waiting[reader]:
                    order.append(reader)
        if len(order) < len(self.neurons):
            cycle = self._cycle({position for position, count in enumerate(waiting) if count})
            names = [short(self.neurons[position].name) for position in cycle]
            if len(names) > 12:
                names = [*names[:6], "…", *names[-5:]]
            self._report("cycle", cycle[0], cycle=" → ".join(names), first=names[-2], second=names[-1])
        return order

    def _cycle(self, left: set[int]) -> list[int]:
        """Return one cycle among the neurons left over: each of them has another one of them leading to it."""
        position, seen = min(left), dict[int, int]()
        walked: list[int] = []
        while position not in seen:
            seen[position] = len(walked)
            walked.append(position)
            origins = (self.number.get(origin, -1) for origin, _ in self.neurons[position].edges)
            position = next(origin for origin in origins if origin in left)
        cycle = walked[seen[position] :][::-1]  # walked against the arrows
        start = cycle.index(min(cycle))
        return [*cycle[start:], *cycle[:start], cycle[start]]

    def _check_ways(self) -> None:
        """Report neurons that nothing leads to, and inputs and neurons that lead nowhere."""
        used = {origin for neuron in self.neurons for origin, _ in neuron.edges} | set(self.outputs)
        for name in self.inputs:
            if name not in used:
                self._report("unused_name", "inputs", read=short(name))
        for position, neuron in enumerate(self.neurons):
            if not neuron.edges:
                self._report("unreachable_name", position, read=short(neuron.name), example=short(self.inputs[0]))
            if neuron.name not in used:
                self._report("unused_name", position, read=short(neuron.name))

    def _layers(self, order: list[int]) -> tuple[list[list[int]], tuple[tuple[int, int], ...]]:
        """Return the neurons of each layer after the inputs, and the outputs where they aren't just the last layer."""
        depth = [0] * len(self.neurons)
        read = set()
        for position in order:
            origins = [self.number[origin] for origin, _ in self.neurons[position].edges if origin in self.number]
            read.update(origins)
            depth[position] = 1 + max((depth[origin] for origin in origins), default=0)
        last = max(depth)
        outputs = [self.number[name] for name in self.outputs]
        together = not read.intersection(outputs)
        if together:
            for position in outputs:
                depth[position] = last
        layers: list[list[int]] = [[] for _ in range(last)]
        for position, level in enumerate(depth):
            if not together or position not in read or level < last:
                layers[level - 1].append(position)
        if together:
            layers[-1] = outputs  # nothing else can stand there: it would lead nowhere
            return layers, ()
        unit = {position: (level, at) for level, layer in enumerate(layers, 1) for at, position in enumerate(layer, 1)}
        found = tuple(unit[position] for position in outputs)
        return layers, () if found == tuple((last, at + 1) for at in range(len(layers[-1]))) else found

    def _assemble(
        self, layers: list[list[int]], outputs: tuple[tuple[int, int], ...], loss: Loss, name: str, samples: Given
    ) -> Network:
        unit: dict[str, tuple[int, int]] = {given: (0, at) for at, given in enumerate(self.inputs, start=1)}
        for level, layer in enumerate(layers, start=1):
            unit.update({self.neurons[position].name: (level, at) for at, position in enumerate(layer, start=1)})
        edges: dict[tuple[int, int], list[tuple[int, int]]] = {}
        weights: list[tuple[Weight, float]] = []
        biases: list[tuple[tuple[int, int], float]] = []
        for neuron in self.neurons:
            level, to = unit[neuron.name]
            for origin, number in neuron.edges:
                source, at = unit[origin]
                edges.setdefault((level, source), []).append((to, at))
                if number is not None:
                    weights.append((Weight(level, source, to, at), float(number)))
            if not isinstance(neuron.bias, bool):
                biases.append(((level, to), float(neuron.bias)))
        connections = [Connection(level, source, tuple(sorted(pairs))) for (level, source), pairs in edges.items()]
        sizes = (len(self.inputs), *map(len, layers))
        return Network(
            len(self.inputs),
            tuple(self._layer(layer) for layer in layers),
            in_order(connections, sizes),
            loss=loss,
            outputs=outputs,
            input_names=self.inputs,
            name=name,
            given=Given(
                tuple(sorted(weights, key=lambda item: weight_order(item[0]))),
                tuple(sorted(biases)),
                samples.inputs,
                samples.targets,
            ),
        )

    def _layer(self, positions: list[int]) -> Layer:
        outputs = set(self.outputs)
        neurons = [self.neurons[position] for position in positions]
        activations = tuple(
            neuron.activation
            if isinstance(neuron.activation, Activation)
            else Activation("identity" if neuron.name in outputs else "sigmoid")
            for neuron in neurons
        )
        biases = tuple(neuron.bias is not False for neuron in neurons)
        return Layer(len(neurons), uniform(activations), uniform(biases), tuple(neuron.name for neuron in neurons))


def read_neurons(document: Document, defaults: Defaults, name: str, *, bias: bool | None) -> Network | None:
    """Return the network of a TOML text with `[[neuron]]` tables, or None after reporting what cannot be read.

    `bias` is what was said outside, against any table.
    """
    from chainrule.figure.sheet import read_samples

    data = document.data
    for key in data:
        if key not in ("name", "inputs", "outputs", "neuron", "bias", "loss", "reduction", "sample", "samples"):
            document.report("not_with_neurons", key, read=key)
    inputs = document.strings(document.take(data, "inputs", "array", default=[]), "inputs")
    outputs = document.strings(document.take(data, "outputs", "array", default=[]), "outputs")
    places: dict[object, Place] = {key: document.place(key) for key in ("inputs", "outputs")}
    read_out: Collection[Any] = set(outputs)
    neurons = []
    for position, table in enumerate(document.tables("neuron")):
        path = ("neuron", position)
        document.only(table, ("name", "from", "activation", "bias"), *path)
        for key, example in (("name", '"h1"'), ("from", '["a", "b"]')):
            if key not in table:
                name = f"neuron[{position + 1}].{key}"
                document.report("missing_key", *path, name=name, example=f"{key} = {example}")
        neurons.append(_read_neuron(document, table, position, defaults, is_output=table.get("name") in read_out))
    if bias is not None:  # a bias that has a number stays, unless there are to be none
        neurons = [replace(v, bias=bias) if isinstance(v.bias, bool) or not bias else v for v in neurons]
    loss = read_loss(defaults.loss, defaults.reduction, problems=document.problems)
    rows, targets = read_samples(document)
    if document.problems:
        return None
    # Line numbers cost a walk over the text: they are looked up for the one neuron that an error is about.
    graph = _Graph(inputs, neurons, outputs, _Places(document, places))
    return graph.network(loss, name, Given(inputs=rows, targets=targets))


class _Places(dict[object, Place]):
    """The places of a document's neurons by position, looked up when asked for."""

    def __init__(self, document: Document, known: Mapping[object, Place]) -> None:
        super().__init__(known)
        self.document = document

    def get(self, about: object, default: Place | None = None) -> Place | None:  # type: ignore[override]
        if isinstance(about, int):
            return self.document.place("neuron", about)
        return super().get(about, default)


def _read_neuron(
    document: Document, table: dict[str, Any], position: int, defaults: Defaults, *, is_output: bool
) -> Neuron:
    path = ("neuron", position)
    name = document.take(table, "name", "string", *path, default="")
    origins = document.take(table, "from", "array or table", *path, default=[])
    if isinstance(origins, dict):
        pairs = tuple((origin, document.number(value, *path, "from")) for origin, value in origins.items())
    else:
        pairs = tuple((origin, None) for origin in document.strings(origins, *path, "from"))
    text = document.take(table, "activation", "string", *path)
    word = defaults.output if is_output else defaults.hidden
    if text is not None:
        # Unlike the default, a neuron's own word is at fault alone; its place costs nothing until it is.
        word = Word(text, Place(document.source))
    before = len(document.problems)
    activation = read_activation(word, layer=position + 1, problems=document.problems) if word else None
    for problem in document.problems[before:] if text is not None else ():
        problem.place = document.place(*path, "activation")
    document.enough()
    bias = document.take(table, "bias", "boolean or number", *path, default=defaults.bias or False)
    if not isinstance(bias, bool):
        bias = document.number(bias, *path, "bias") or 0.0
    return Neuron(name, pairs, activation, bias)
