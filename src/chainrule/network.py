"""The figure: layers of units, what connects them, the loss, and the numbers written on the sheet.

Every feed-forward figure is the same kind of value here. A layered network has one dense `Connection` from each layer
to the next; missing edges, skip connections and tied weights are said by the connections and ties; a graph drawn
neuron by neuron becomes layers by depth (`chainrule.figure.graph`). This module holds the types and the facts that
follow from them. It does not read or write anything (`chainrule.figure`), and says nothing about calculus.

Counting is the seed's: layer 0 is the inputs, layer 1 the first hidden layer; units count from 1 within their layer.
(Only the *spelling* of inputs starts at x_0.)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from chainrule.errors import raise_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from chainrule.derive import Derivation
    from chainrule.page.widget import Explorer
    from chainrule.train import Model, ModelEnsemble, Sweep
    from chainrule.values import Values


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation by its name in the table of `chainrule.rules`, with its parameter (the slope of a leaky ReLU, …).

    Example:
        >>> str(Activation("leaky_relu", 0.1)), str(Activation("tanh"))
        ('leaky_relu(0.1)', 'tanh')
    """

    name: str = "identity"
    parameter: float | None = None

    def __str__(self) -> str:
        return self.name if self.parameter is None else f"{self.name}({float(self.parameter)!r})"


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss by its name in the table of `chainrule.rules`, and how it gathers.

    `samples` and `outputs` say whether the terms are added ("sum") or averaged ("mean") over samples and over outputs.

    Example:
        >>> Loss()
        Loss(name='half_squared_error', parameter=None, samples='sum', outputs='sum')
    """

    name: str = "half_squared_error"
    parameter: float | None = None
    samples: str = "sum"
    outputs: str = "sum"

    def __str__(self) -> str:
        return self.name if self.parameter is None else f"{self.name}({float(self.parameter)!r})"


@dataclass(frozen=True, slots=True)
class Layer:
    """Units that stand side by side in the figure.

    Attributes:
        size: the number of units, 1 or more.
        activations: one for all units, or one for each.
        bias: whether the units have a bias: one answer for all, or one for each unit.
        names: what the sheet calls the units; empty, or one for each.
    """

    size: int
    activations: tuple[Activation, ...] = (Activation("sigmoid"),)
    bias: tuple[bool, ...] = (False,)
    names: tuple[str, ...] = ()

    def activation(self, unit: int) -> Activation:
        """Return the activation of a unit (counted from 1)."""
        return self.activations[unit - 1] if len(self.activations) > 1 else self.activations[0]

    def has_bias(self, unit: int) -> bool:
        """Return whether a unit (counted from 1) has a bias."""
        return self.bias[unit - 1] if len(self.bias) > 1 else self.bias[0]


@dataclass(frozen=True, slots=True)
class Connection:
    """The weights that lead from the layer `source` into the layer `target`.

    `edges` is None where every unit of the one leads to every unit of the other; otherwise it holds the edges that are
    there, as pairs (to, from) of units counted from 1, in ascending order.
    """

    target: int
    source: int
    edges: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True, slots=True, order=True)
class Weight:
    """One weight: into unit `to` of layer `target`, from unit `origin` of layer `source` (units counted from 1)."""

    target: int
    source: int
    to: int
    origin: int

    def __str__(self) -> str:
        from chainrule.figure.spelling import spell_weight

        return spell_weight(self)


@dataclass(frozen=True, slots=True)
class Given:
    """The numbers on the sheet, as far as they are given.

    Attributes:
        weights: pairs of a weight and its number.
        biases: pairs of (layer, unit) and its number.
        inputs: one row a sample, one number an input.
        targets: one row a sample, one number an output (or one class, counted from 1, for a loss by class index).
    """

    weights: tuple[tuple[Weight, float], ...] = ()
    biases: tuple[tuple[tuple[int, int], float], ...] = ()
    inputs: tuple[tuple[float, ...], ...] = ()
    targets: tuple[tuple[float, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.weights or self.biases or self.inputs or self.targets)


@dataclass(frozen=True)
class Network:
    """A feed-forward figure and its loss.

    Attributes:
        inputs: the number of inputs.
        layers: the layers after the inputs, the last one being the outputs unless `outputs` says otherwise.
        connections: what leads where; left out, each layer leads to the next one densely.
        loss: the loss that compares the outputs with the targets.
        ties: groups of weights that are one and the same number.
        outputs: the units (layer, unit) that are read out, where these are not simply the last layer.
        input_names: what the sheet calls the inputs; empty, or one for each.
        name: what the sheet calls the network.
        given: the numbers on the sheet.

    Raises:
        NetworkError: where the parts do not fit together (several at once as `Problems`).

    Example:
        >>> net = Network.read("2-3-2-1")
        >>> net.inputs, [layer.size for layer in net.layers], net.weight_count
        (2, [3, 2, 1], 14)
    """

    inputs: int
    layers: tuple[Layer, ...]
    connections: tuple[Connection, ...] = ()
    loss: Loss = field(default_factory=Loss)
    ties: tuple[tuple[Weight, ...], ...] = ()
    outputs: tuple[tuple[int, int], ...] = ()
    input_names: tuple[str, ...] = ()
    name: str = ""
    given: Given = field(default_factory=Given)

    def __post_init__(self) -> None:
        if not self.connections:
            chain = tuple(Connection(target=level, source=level - 1) for level in range(1, len(self.layers) + 1))
            object.__setattr__(self, "connections", chain)
        from chainrule.figure.normal import normal_parts
        from chainrule.problems import MAX_PROBLEMS, problems

        raise_all(list(islice(problems(self), MAX_PROBLEMS)))
        # What is said in two ways is kept in one, so that equal figures are equal values.
        for name, value in normal_parts(self).items():
            object.__setattr__(self, name, value)

    # Reading and writing stand in `chainrule.figure`; these are its doors.

    @classmethod
    def read(cls, text: str, **options: Any) -> Network:
        """Return the network of a shorthand ("2-3:tanh-1 --bias"), or of a TOML file where the text names one.

        Raises:
            NetworkError: where it cannot be read; the error points at the place.
        """
        from chainrule.figure import read

        return read(text, **options)

    @classmethod
    def from_toml(cls, text: str, *, source: str = "<toml>") -> Network:
        """Return the network that a TOML text describes."""
        from chainrule.figure.toml import from_toml

        return from_toml(text, source=source)

    def to_toml(self) -> str:
        """Return the TOML text that `from_toml` reads back to an equal network."""
        from chainrule.figure.toml import to_toml

        return to_toml(self)

    def to_shorthand(self) -> str:
        """Return the shorthand that reads back to an equal network.

        Raises:
            NetworkError: where the shorthand has no word for a part (missing edges, given numbers, names, …).
        """
        from chainrule.figure.shorthand import to_shorthand

        return to_shorthand(self)

    def replace(self, **changes: Any) -> Network:
        """Return this network with some attributes changed."""
        return replace(self, **changes)

    # The road's next stations.

    def derive(self, *, samples: int | None = 1) -> Derivation:
        """Return the Derivation: every partial of the loss, line by line.

        Args:
            samples: the number of samples the loss gathers; None for any number, spelled N.
        """
        from chainrule.derive import derive
        from chainrule.program import build

        return derive(build(self, samples=samples))

    def values(self, **numbers: Any) -> Values:
        """Return the number of every symbol and partial; see `chainrule.values.evaluate` for what can be given."""
        from chainrule.values import evaluate

        return evaluate(self, **numbers)

    def fit(self, data: Any, targets: Any = None, **options: Any) -> Model:
        """Return a Model: this network trained on samples; see `chainrule.train.fit` for what can be given."""
        from chainrule.train import fit

        return fit(self, data, targets, **options)

    def sweep(self, data: Any, targets: Any = None, **options: Any) -> Sweep:
        """Return a Sweep: this network trained many times; see `chainrule.train.sweep` for what can be given."""
        from chainrule.train import sweep

        return sweep(self, data, targets, **options)

    def ensemble(self, data: Any, targets: Any = None, *, members: int = 10, **options: Any) -> ModelEnsemble:
        """Return a ModelEnsemble: this network trained with several seeds, whose answers are averaged.

        Args:
            data: the samples, as for `fit`.
            targets: the targets, where they stand apart.
            members: how many networks.
            **options: as for `sweep`.
        """
        from chainrule.train import sweep

        return sweep(self, data, targets, seeds=members, **options).ensemble()

    def grad(self, inputs: Any, targets: Any, weights: Any = None) -> dict[str, NDArray[Any]]:
        """Return ∂loss/∂w by name at some samples, in microseconds: `W_1` (in, out), `b_1` (units,).

        Args:
            inputs: an array (N, inputs).
            targets: an array (N, outputs), or (N,) for one output or for classes from 1.
            weights: numbers by name; those that are not given are the sheet's, or drawn.

        Raises:
            DataError: where something does not fit.

        Example:
            >>> net = Network.read("2-1")
            >>> net.grad([[1.0, 2.0]], [1.0], {"W_1": [[0.5], [-1.0]]})["W_1"].tolist()
            [[-2.5], [-5.0]]
        """
        from chainrule.train.gradient import gradient

        return gradient(self, inputs, targets, weights)

    def explore(self, **options: Any) -> Explorer:
        """Return the page about this network as a widget, for a notebook.

        Args:
            options: as those of `chainrule.page.widget.Explorer`: values, notation, lang.

        Raises:
            OutputError: where the extra `widget` is not installed.
        """
        from chainrule.train.sources import need

        need("anywidget", "widget")
        from chainrule.page.widget import Explorer

        return Explorer(self, **options)

    def _repr_svg_(self) -> str:
        """Return the drawing, which is what a notebook shows."""
        from chainrule.show.notebook import network_svg

        return network_svg(self)

    def __getstate__(self) -> dict[str, Any]:
        # What `grad` keeps lies in this process; another one makes its own.
        return {name: value for name, value in self.__dict__.items() if name != "_gradient"}

    # Facts that follow.

    def size(self, level: int) -> int:
        """Return the number of units of a layer; layer 0 is the inputs."""
        return self.inputs if level == 0 else self.layers[level - 1].size

    @property
    def depth(self) -> int:
        """The number of layers after the inputs."""
        return len(self.layers)

    @cached_property
    def output_units(self) -> tuple[tuple[int, int], ...]:
        """The units (layer, unit) that are read out, in the order of pred_1, pred_2 and so on."""
        return self.outputs or tuple((self.depth, unit) for unit in range(1, self.size(self.depth) + 1))

    @property
    def reads_last_layer(self) -> bool:
        """Whether the outputs are exactly the last layer, in order (then its activations are called pred)."""
        return not self.outputs

    @property
    def weight_count(self) -> int:
        """The number of weights drawn in the figure (tied ones counted each time they are drawn)."""
        return sum(
            len(c.edges) if c.edges is not None else self.size(c.target) * self.size(c.source) for c in self.connections
        )

    def weights(self) -> Iterator[Weight]:
        """Yield every weight of the figure, layer by layer, by unit and then by origin."""
        for c in sorted(self.connections, key=lambda c: (c.target, -c.source)):
            pairs = c.edges
            if pairs is None:
                yield from (
                    Weight(c.target, c.source, to, origin)
                    for to in range(1, self.size(c.target) + 1)
                    for origin in range(1, self.size(c.source) + 1)
                )
            else:
                yield from (Weight(c.target, c.source, to, origin) for to, origin in pairs)

    def unit_name(self, level: int, unit: int) -> str:
        """Return what the sheet calls a unit, or ''."""
        names = self.input_names if level == 0 else self.layers[level - 1].names
        return names[unit - 1] if names else ""
