"""Figures drawn neuron by neuron."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import Activation, ChainruleError, Given, Loss, Network, NetworkError, Problems
from chainrule.figure.graph import Neuron, from_graph


def keys(error: ChainruleError) -> list[str]:
    return [problem.key for problem in (error.problems if isinstance(error, Problems) else [error])]


def refusal(inputs, neurons, outputs) -> ChainruleError:
    with pytest.raises(ChainruleError) as caught:
        from_graph(inputs, neurons, outputs)
    return caught.value


def test_a_diamond_with_a_shortcut_becomes_layers_by_the_longest_way():
    net = from_graph(
        ["a", "b"],
        [
            Neuron("o", {"g": 2.0, "a": -1.0}, bias=0.25),
            Neuron("g", ["h", "k"], activation="tanh"),
            Neuron("h", ["a", "b"]),
            Neuron("k", ["b"], activation="relu", bias=True),
        ],
        ["o"],
    )
    assert [layer.names for layer in net.layers] == [("h", "k"), ("g",), ("o",)]
    assert [str(weight) for weight in net.weights()] == [
        "w_11^1", "w_12^1", "w_22^1", "w_11^2", "w_12^2", "w_11^3", "w_11^3,0",
    ]  # fmt: skip
    assert net.layers[0].activations == (Activation("sigmoid"), Activation("relu"))
    assert net.layers[0].bias == (False, True)
    assert net.layers[2].activations == (Activation("identity"),)
    assert {str(weight): number for weight, number in net.given.weights} == {"w_11^3": 2.0, "w_11^3,0": -1.0}
    assert net.given.biases == (((3, 1), 0.25),)


def test_outputs_that_nothing_reads_stand_together_in_the_last_layer_in_their_order():
    net = from_graph(["a"], [Neuron("q", ["a"]), Neuron("h", ["a"]), Neuron("p", ["h"])], ["p", "q"])
    assert [layer.names for layer in net.layers] == [("h",), ("p", "q")]
    assert net.outputs == ()


def test_an_output_that_is_read_by_another_neuron_is_named_among_the_outputs():
    net = from_graph(["a"], [Neuron("h", ["a"]), Neuron("o", ["h"])], ["o", "h"])
    assert net.outputs == ((2, 1), (1, 1))
    assert net.output_units == ((2, 1), (1, 1))


def test_a_layered_figure_drawn_neuron_by_neuron_is_the_same_network():
    neurons = [Neuron(f"h{i}", ["a", "b"]) for i in range(3)] + [Neuron("o", ["h0", "h1", "h2"])]
    net = from_graph(["a", "b"], neurons, ["o"])
    bare = net.replace(input_names=(), layers=tuple(type(v)(v.size, v.activations, v.bias) for v in net.layers))
    assert bare == Network.read("2-3-1")


def test_samples_and_loss_come_along():
    samples = Given(inputs=((1.0,),), targets=((2.0,),))
    net = from_graph(["a"], [Neuron("o", ["a"])], ["o"], loss=Loss("mae"), name="n", samples=samples)
    assert (net.loss, net.name, net.given) == (Loss("mae"), "n", samples)


TOML = """\
inputs = ["a", "b"]
outputs = ["o"]
loss = "mse"
bias = true

[[neuron]]
name = "h"
from = ["a", "b"]
activation = "tanh"

[[neuron]]
name = "o"
from = { a = 0.5, h = -1 }
bias = false

[[sample]]
x = [1, 2]
true = 3
"""


def test_toml_draws_neurons_too():
    samples = Given(inputs=((1.0, 2.0),), targets=((3.0,),))
    neurons = [Neuron("h", ["a", "b"], activation="tanh", bias=True), Neuron("o", {"a": 0.5, "h": -1.0})]
    loss = Loss("mse", None, "mean", "mean")
    net = Network.from_toml(TOML)
    assert net == from_graph(["a", "b"], neurons, ["o"], loss=loss, samples=samples)
    assert Network.from_toml(net.to_toml()) == net


@pytest.mark.parametrize(
    ("inputs", "neurons", "outputs", "expected", "words"),
    [
        (["a"], [Neuron("h", ["a", "g"]), Neuron("g", ["h"]), Neuron("o", ["g"])], ["o"], ["cycle"], "h → g → h"),
        (["a"], [Neuron("o", ["a", "o"])], ["o"], ["cycle"], "o → o"),
        (["a"], [Neuron("hidden", ["a"]), Neuron("o", ["hiden"])], ["o"], ["unknown_name"], "'hidden'"),
        (["a"], [Neuron("o", ["a"])], ["p"], ["unknown_name"], "'o'"),
        (["a"], [Neuron("a", ["a"])], ["a"], ["name_twice"], "'a'"),
        (["a"], [Neuron("o", ["a", "a"])], ["o"], ["origin_twice"], "'a' leads to 'o' twice"),
        (["a"], [Neuron("o", ["a"])], ["o", "o"], ["output_twice"], "twice"),
        (["a", "b"], [Neuron("h", ["a"]), Neuron("o", ["a"])], ["o"], ["unused_name"] * 2, "'b' leads nowhere"),
        (["a"], [Neuron("h", []), Neuron("o", ["a", "h"])], ["o"], ["unreachable_name"], "'h'"),
        ([], [Neuron("o", ["a"])], ["o"], ["missing_key", "unknown_name"], "inputs"),
        (["a"], [], [], ["missing_key"], "outputs"),
    ],
)  # fmt: skip
def test_what_is_no_feed_forward_figure_is_refused_by_name(inputs, neurons, outputs, expected, words):
    error = refusal(inputs, neurons, outputs)
    assert keys(error) == expected
    assert words in str(error)


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        (TOML + '[[skip]]\nfrom = "a"\n', "not_with_neurons", 19),
        (TOML.replace("tanh", "tahn"), "unknown_activation", 9),
        (TOML.replace("-1", "nan"), "not_finite", 13),
        (TOML.replace('name = "h"', 'nmae = "h"'), "missing_key", 6),
        (TOML.replace('"a", "b"]\nact', '"a", "o", "b"]\nact'), "cycle", 6),
        (TOML.replace("h = -1", "hh = -1"), "unknown_name", 11),
        (TOML.replace("x = [1, 2]", "x = [1]"), "sample_width", None),
        ('outputs = ["o"]\n[[neuron]]\nname = "o"\nfrom = ["o"]', "missing_key", None),
        ('inputs = ["a"]\noutputs = ["o"]\nneuron = 3', "wrong_type", 3),
    ],
)
def test_mistakes_in_toml_are_pointed_at(text, key, line):
    with pytest.raises(ChainruleError) as caught:
        Network.from_toml(text, source="net.toml")
    assert key in keys(caught.value)
    if line is not None:
        assert f"net.toml:{line}:" in str(caught.value)


def test_a_chain_of_ten_thousand_neurons_is_read_in_any_order():
    names = ["a", *(f"h{number}" for number in range(10_000))]
    chain = [Neuron(after, [before]) for before, after in itertools.pairwise(names)]
    net = from_graph(["a"], chain, [names[-1]])
    assert net.depth == 10_000
    assert from_graph(["a"], chain[::-1], [names[-1]]) == net


def test_a_cycle_through_ten_thousand_neurons_is_named_in_short():
    ring = [Neuron(f"h{number}", [f"h{(number - 1) % 10_000}"]) for number in range(10_000)]
    ring[0] = Neuron("h0", ["a", "h9999"])
    error = refusal(["a"], [*ring, Neuron("o", ["h1"])], ["o"])
    assert isinstance(error, NetworkError)
    assert "h0 → h1 →" in str(error)
    assert len(str(error)) < 500


def test_a_longer_chain_than_layers_are_allowed_is_refused():
    names = ["a", *(f"h{number}" for number in range(10_001))]
    error = refusal(["a"], [Neuron(after, [before]) for before, after in itertools.pairwise(names)], [names[-1]])
    assert error.key == "too_many_layers"


@st.composite
def graphs(draw):
    """Draw random directed graphs without cycles, in a random order of listing."""
    count = draw(st.integers(1, 7))
    names = ["a", "b", *(f"n{number}" for number in range(count))]
    neurons = [
        Neuron(names[at], draw(st.lists(st.sampled_from(names[:at]), min_size=1, max_size=3, unique=True)))
        for at in range(2, len(names))
    ]
    read = {origin for neuron in neurons for origin, _ in neuron.edges}
    loose = [neuron.name for neuron in neurons if neuron.name not in read]
    inner = [neuron.name for neuron in neurons if neuron.name in read]
    extra = draw(st.lists(st.sampled_from(inner), max_size=1)) if inner else []
    inputs = [name for name in ("a", "b") if name in read]
    return inputs, draw(st.permutations(neurons)), draw(st.permutations([*loose, *extra]))


@given(graphs())
def test_every_edge_of_the_graph_is_a_weight_of_the_network(graph):
    inputs, neurons, outputs = graph
    net = from_graph(inputs, neurons, outputs)
    drawn = {(origin, neuron.name) for neuron in neurons for origin, _ in neuron.edges}
    found = [(net.unit_name(w.source, w.origin), net.unit_name(w.target, w.to)) for w in net.weights()]
    assert sorted(found) == sorted(drawn)
    assert [net.unit_name(*unit) for unit in net.output_units] == list(outputs)
    assert Network.from_toml(net.to_toml()) == net
