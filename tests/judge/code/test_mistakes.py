"""Each typical mistake, planted into right functions of several networks and layouts: found, named, placed."""

import itertools
from collections.abc import Callable

import pytest

from judge.code.handwritten import SLOPES, Style, Written, written
from judge.code.here import judged

NETWORKS = {
    "2-3-2-1 --bias": ["sigmoid", "sigmoid", "identity"],
    "4-3:tanh-3:relu-3:sigmoid --bias": ["tanh", "relu", "sigmoid"],
    "3-4:relu-2 --bias": ["relu", "identity"],
}
STYLES = [Style(), Style("rows", "out_in", "arguments", "tuple"), Style("columns", "out_in", "names", "dict")]


def change(name: str, old: str, new: str) -> Callable[[Written], None]:
    """A mistake in one backward line."""

    def plant(code: Written) -> None:
        line = code.backward[name]
        assert old in line, line
        code.backward[name] = line.replace(old, new)

    return plant


def times(name: str, factor: str) -> Callable[[Written], None]:
    """A factor in one backward line."""

    def plant(code: Written) -> None:
        left, right = code.backward[name].split(" = ", 1)
        code.backward[name] = f"{left} = {factor} * ({right})"

    return plant


def slope(layer: int, text: str) -> Callable[[Written], None]:
    """Another derivative of an activation."""

    def plant(code: Written) -> None:
        right = SLOPES[code.activations[layer - 1]].format(a=f"A{layer}", z=f"Z{layer}")
        change(f"dZ{layer}", f" * {right}", text)(code)

    return plant


def one_of(code: Written, rows: str, columns: str) -> str:
    return rows if code.style.samples == "rows" else columns


def last_sample(layer: int) -> Callable[[Written], None]:
    def plant(code: Written) -> None:
        code.backward[f"db{layer}"] = f"db{layer} = " + one_of(code, f"dZ{layer}[-1]", f"dZ{layer}[:, -1:]")

    return plant


def unsummed(layer: int) -> Callable[[Written], None]:
    def plant(code: Written) -> None:
        code.backward[f"db{layer}"] = f"db{layer} = dZ{layer}"

    return plant


def other_axis(layer: int) -> Callable[[Written], None]:
    def plant(code: Written) -> None:
        change(f"db{layer}", one_of(code, "axis=0", "axis=1"), one_of(code, "axis=1", "axis=0"))(code)

    return plant


def updated(layer: int) -> Callable[[Written], None]:
    def plant(code: Written) -> None:
        code.backward[f"db{layer}"] += f"\nW{layer} = W{layer} - 0.05 * dW{layer}"

    return plant


def decayed(layer: int) -> Callable[[Written], None]:
    def plant(code: Written) -> None:
        code.backward[f"dW{layer}"] += f" + 0.01 * W{layer}"

    return plant


def turned_back(layer: int) -> Callable[[Written], None]:
    """The gradient the other way round."""

    def plant(code: Written) -> None:
        left, right = code.backward[f"dW{layer}"].split(" = ", 1)
        code.backward[f"dW{layer}"] = f"{left} = ({right}).T"

    return plant


ANY: list[tuple[Callable[[Written], None], str, str]] = [
    (times("dW1", "2"), "extra_factor", "dW_1"),
    (times("dW2", "0.5"), "missing_factor", "dW_2"),
    (times("db2", "-1"), "sign", "db_2"),
    (times("dW1", "(1 / X.size)"), "extra_factor", "dW_1"),
    (times("dW2", "0"), "zero", "dW_2"),
    (times("dZ2", "-1"), "sign", "dZ_2"),
    (slope(1, ""), "missing_derivative", "dZ_1"),
    (slope(1, " * (1 - A1)"), "wrong_derivative", "dZ_1"),
    (slope(1, " * A1"), "value_for_derivative", "dZ_1"),
    (last_sample(1), "one_sample", "db_1"),
    (unsummed(1), "not_summed", "db_1"),
    (unsummed(2), "not_summed", "db_2"),
    (other_axis(1), "wrong_axis", "db_1"),
    (change("dA1", "dZ2", "Z2"), "unknown", "dZ_1"),
    (change("dW2", "dZ2", "Z2"), "unknown", "dW_2"),
    (updated(2), "updated_weights", "dA_1"),
    (decayed(2), "extra_term", "dW_2"),
    (decayed(1), "extra_term", "dW_1"),
    (turned_back(1), "transposed", "dW_1"),
    (turned_back(2), "transposed", "dW_2"),
]


def place(statement: str, net: str) -> str:
    """What a layer's z is called: the outputs' z and pred are one where they are linear."""
    depth = len(NETWORKS[net])
    linear = NETWORKS[net][-1] == "identity"
    return "dpred" if linear and statement == f"dZ_{depth}" else statement


@pytest.mark.parametrize(
    ("net", "style"),
    [*zip(NETWORKS, STYLES, strict=True), *zip(NETWORKS, STYLES[1:], strict=False)],
    ids=lambda one: one if isinstance(one, str) else f"{one.samples}-{one.weights}",
)
def test_planted_mistakes_are_named(tmp_path, net, style):
    """What is said first is the mistake that was planted, at the place where it was planted."""
    for number, (plant, kind, statement) in enumerate(ANY):
        code = written(NETWORKS[net], style)
        plant(code)
        report = judged(tmp_path / f"m{number}.py", net, code.source())
        found = [(m.kind, m.statement) for m in report.mistakes]
        assert found == [(kind, place(statement, net))], (number, code.source(), found)
        assert report.wrong


SQUARE = "3-3:tanh-3:sigmoid-3 --bias"
SQUARED = ["tanh", "sigmoid", "identity"]
OF_SQUARES: list[tuple[Callable[[Written], None], str, str]] = [
    (change("dA2", "W3.T", "W3"), "missing_transpose", "dA_2"),
    (change("dA1", "W2.T", "W2"), "missing_transpose", "dA_1"),
    (change("dA1", "W2.T", "W3.T"), "wrong_layer", "dA_1"),
    (change("dW3", "A2.T @ dZ3", "dZ3.T @ A2"), "transposed", "dW_3"),
    (change("dW2", "A1.T", "Z1.T"), "wrong_symbol", "dW_2"),
    (change("dW2", "A1.T", "A2.T"), "wrong_layer", "dW_2"),
    (change("dW1", "dZ1", "dA1"), "wrong_symbol", "dW_1"),
    (change("dA1", "dZ2", "dA2"), "wrong_symbol", "dA_1"),
    (change("db2", "dZ2", "dA2"), "wrong_symbol", "db_2"),
    (slope(2, " * Z2 * (1 - Z2)"), "wrong_argument", "dZ_2"),
    (slope(2, " * sigmoid(A2) * (1 - sigmoid(A2))"), "wrong_argument", "dZ_2"),
    (slope(1, " * (1 - np.tanh(A1) ** 2)"), "wrong_argument", "dZ_1"),
    (slope(1, " * A1 * (1 - A1)"), "wrong_derivative", "dZ_1"),
    (slope(1, " * (1 + A1 ** 2)"), "wrong_derivative", "dZ_1"),
    (slope(2, " * A2 * (1 - A2) * A2 * (1 - A2)"), "extra_derivative", "dZ_2"),
    (slope(2, " * A1 * (1 - A1)"), "wrong_layer", "dZ_2"),
    (change("dZ3", "(A3 - Y)", "(A3 - Y) ** 2 / 2"), "loss_value", "dpred"),
    (change("dZ3", "(A3 - Y)", "A3"), "wrong_symbol", "dpred"),
    (change("dZ3", "(A3 - Y)", "(Y - A3)"), "sign", "dpred"),
    (change("dZ3", "(A3 - Y)", "np.sign(A3 - Y)"), "loss_derivative", "dpred"),
    (change("db3", "dZ3.sum(axis=0)", "dZ3.mean(axis=0)"), "extra_factor", "db_3"),
    (change("db3", "dZ3.sum(axis=0)", "np.full(3, dZ3.sum())"), "summed_too_far", "db_3"),
]  # fmt: skip


def test_mistakes_that_only_squares_allow(tmp_path):
    """Where all matrices are square, a wrong transpose, layer or quantity runs, and is named all the same."""
    for number, (plant, kind, statement) in enumerate(OF_SQUARES):
        code = written(SQUARED)
        plant(code)
        report = judged(tmp_path / f"m{number}.py", SQUARE, code.source())
        found = [(m.kind, m.statement) for m in report.mistakes]
        assert found == [(kind, statement)], (number, code.source(), found)


FORWARD: list[tuple[str, str, str, str, str]] = [
    ("A1", "tanh(Z1)", "sigmoid(Z1)", "forward_activation", "A_1"),
    ("A1", "tanh(Z1)", "Z1", "forward_activation", "A_1"),
    ("Z2", " + b2", "", "forgotten_bias", "Z_2"),
    ("A3", "Z3", "sigmoid(Z3)", "output_activation", "pred"),
]


def test_mistakes_on_the_way_forward(tmp_path):
    """A function that computes another network is told which."""
    for number, (name, old, new, kind, statement) in enumerate(FORWARD):
        code = written(SQUARED)
        code.forward[name] = code.forward[name].replace(old, new)
        report = judged(tmp_path / f"m{number}.py", SQUARE, code.source())
        assert [(m.kind, m.statement) for m in report.mistakes] == [(kind, statement)], (number, report.mistakes)


def test_the_mean_is_judged_by_the_declared_loss(tmp_path):
    """The same two functions are right and wrong, depending on what the network's loss says."""
    acts = NETWORKS["2-3-2-1 --bias"]
    for at, (reduction, mean) in enumerate(itertools.product(("sum", "samples=mean"), (False, True))):
        net = f"2-3-2-1 --bias --reduction {reduction}"
        report = judged(tmp_path / f"m{at}.py", net, written(acts, mean=mean).source())
        if (reduction == "samples=mean") == mean:
            assert not report.wrong
        else:
            (mistake,) = report.mistakes
            assert mistake.kind == ("extra_factor" if mean else "missing_factor")
            assert mistake.message.facts["factor"] == "1/n"
            assert mistake.statement == "dpred" and len(mistake.parameters) == 6


def test_several_mistakes_are_told_apart(tmp_path):
    """Three mistakes in one function: each is named, where it is, with what it makes wrong."""
    code = written(SQUARED)
    for plant in (times("dW3", "2"), slope(2, ""), change("dA1", "W2.T", "W2")):
        plant(code)
    report = judged(tmp_path / "m.py", SQUARE, code.source())
    found = [(m.kind, m.statement, m.parameters) for m in report.mistakes]
    assert found == [
        ("extra_factor", "dW_3", ("W_3",)),
        ("missing_derivative", "dZ_2", ("W_2", "b_2", "W_1", "b_1")),
        ("missing_transpose", "dA_1", ("W_1", "b_1")),
    ]
    assert [str(report[name].verdict) for name in ("W_3", "b_3", "W_2", "b_2", "W_1")] == [
        "wrong", "right", "carried", "carried", "carried",
    ]  # fmt: skip
    assert report["W_2"].carried_from == "dZ_2"


SKIP = """
import numpy as np
def backward(X, Y, W1, W2, W31, W3):
    Z1 = X @ W1
    A1 = np.tanh(Z1)
    Z2 = A1 @ W2
    A2 = np.tanh(Z2)
    pred = A2 @ W3 + A1 @ W31
    d = pred - Y
    dZ2 = d @ W3.T * (1 - A2 ** 2)
    dA1 = dZ2 @ W2.T + d @ W31.T
    dZ1 = dA1 * (1 - A1 ** 2)
    return {"W1": X.T @ dZ1, "W2": A1.T @ dZ2, "W3": A2.T @ d, "W31": A1.T @ d}
"""


def test_a_forgotten_skip_connection(tmp_path):
    """The path through a skip connection is the one that is missing."""
    from chainrule import Activation, Connection, Layer, Network

    tanh = (Activation("tanh"),)
    net = Network(
        2, (Layer(3, tanh), Layer(4, tanh), Layer(2, (Activation(),))),
        (Connection(1, 0), Connection(2, 1), Connection(3, 2), Connection(3, 1)),
    )  # fmt: skip
    assert not judged(tmp_path / "a.py", net, SKIP).wrong
    report = judged(tmp_path / "b.py", net, SKIP.replace(" + d @ W31.T", ""))
    assert [(m.kind, m.statement, m.parameters) for m in report.mistakes] == [("forgotten_path", "dA_1", ("W_1",))]
    assert report.mistakes[0].message.facts["through"] == "dpred"
    report = judged(tmp_path / "c.py", net, SKIP.replace("pred = A2 @ W3 + A1 @ W31", "pred = A2 @ W3"))
    assert [(m.kind, m.statement) for m in report.mistakes] == [("forgotten_path", "pred")]


def test_a_forgotten_use_of_tied_weights(tmp_path):
    """Weights that are used twice have the sum of both gradients."""
    from chainrule import Activation, Layer, Network, Weight

    ties = tuple((Weight(1, 0, i, j), Weight(2, 1, j, i)) for i in (1, 2, 3) for j in (1, 2))
    net = Network(2, (Layer(3, (Activation("tanh"),)), Layer(2, (Activation(),))), ties=ties)
    source = """
import numpy as np
def backward(X, Y, W1):
    A1 = np.tanh(X @ W1)
    d = A1 @ W1.T - Y
    encoder = X.T @ ((d @ W1) * (1 - A1 ** 2))
    decoder = d.T @ A1
    return encoder + decoder
"""
    assert not judged(tmp_path / "a.py", net, source).wrong
    for at, text in enumerate((" + decoder", "encoder + ")):
        report = judged(tmp_path / f"b{at}.py", net, source.replace(text, ""))
        assert [(m.kind, m.statement) for m in report.mistakes] == [("forgotten_path", "dW_1")]


def test_tied_weights_hold_no_strays(tmp_path):
    """Where only some weights are tied, their places may hold 0 or the whole gradient, and nothing else."""
    from chainrule import Activation, Connection, Layer, Network, Weight

    ties = ((Weight(1, 0, 1, 1), Weight(1, 0, 2, 2)),)
    net = Network(2, (Layer(2, (Activation(),)),), (Connection(1, 0),), ties=ties)
    source = """
def backward(X, Y, W1):
    g = X.T @ (X @ W1 - Y)
    g[0, 0] += g[1, 1]
    g[1, 1] = STRAY
    return g
"""
    for at, (stray, verdict) in enumerate((("0", "right"), ("g[0, 0]", "right"), ("7", "wrong"), ("g[1, 1]", "wrong"))):
        report = judged(tmp_path / f"t{at}.py", net, source.replace("STRAY", stray))
        assert str(report["W_1"].verdict) == verdict
        assert [m.kind for m in report.mistakes] == (["tied"] if verdict == "wrong" else [])


def test_numbers_where_there_is_no_edge(tmp_path):
    """A dense gradient for a figure that lacks an edge."""
    from chainrule import Activation, Connection, Layer, Network

    edges = ((1, 1), (2, 1), (2, 2))
    net = Network(2, (Layer(2, (Activation(),)),), (Connection(1, 0, edges),))
    source = "def backward(X, Y, W1):\n    return X.T @ (X @ W1 - Y) * [[1, 1], [1, 1]]\n"
    report = judged(tmp_path / "a.py", net, source)
    assert [m.kind for m in report.mistakes] == ["no_edges"]
    assert not judged(tmp_path / "b.py", net, source.replace("[1, 1]]", "[0, 1]]")).wrong


def test_two_mistakes_in_one_place(tmp_path):
    """Neither of two explains anything alone; together they do."""
    code = written(SQUARED)
    change("dA2", "W3.T", "W3")(code)
    slope(2, " * Z2 * (1 - Z2)")(code)
    report = judged(tmp_path / "m.py", SQUARE, code.source())
    assert [(m.kind, m.statement) for m in report.mistakes] == [
        ("missing_transpose", "dA_2"),
        ("wrong_argument", "dZ_2"),
    ]


def test_differences_in_place_of_derivatives(tmp_path):
    """Forward differences agree to a few digits: wrong, and not by a mistake in a formula; central ones are right."""
    source = """
import numpy as np
def loss(X, Y, p):
    return 0.5 * ((np.tanh(X @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"] - Y) ** 2).sum()
def numerical_gradient(X, Y, params):
    found, eps = {}, 1e-4
    for name in params:
        a = params[name]
        found[name] = np.zeros_like(a)
        for i in np.ndindex(a.shape):
            kept = a[i]
            a[i] = kept + eps
            up = loss(X, Y, params)
            a[i] = kept - DOWN
            found[name][i] = (up - loss(X, Y, params)) / (eps + DOWN)
            a[i] = kept
    return found
"""
    assert not judged(tmp_path / "a.py", "2-3:tanh-2 --bias", source.replace("DOWN", "eps")).wrong
    report = judged(tmp_path / "b.py", "2-3:tanh-2 --bias", source.replace("DOWN", "0"))
    assert {m.kind for m in report.mistakes} == {"imprecise"}


def test_a_deep_network_with_three_mistakes(tmp_path):
    """Eight layers: the mistakes are found one after another, and one without a name is placed where it is."""
    code = written(["tanh"] * 8 + ["identity"])
    times("dZ6", "2")(code)
    slope(4, " * (1 - A4 ** 2) * (1 - A4 ** 2)")(code)
    code.backward["dZ2"] += "\ndZ2 = np.sin(dZ2)"
    net = "-".join(["3", *["4:tanh"] * 8, "2"]) + " --bias"
    report = judged(tmp_path / "m.py", net, code.source())
    found = [(m.kind, m.statement) for m in report.mistakes]
    assert found == [("extra_factor", "dZ_6"), ("extra_derivative", "dZ_4"), ("unknown", "dZ_2")]


NG = """
import numpy as np
def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    W2, A1, A2 = parameters["W2"], cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dW2 = 1 / m * np.dot(dZ2, A1.T)
    db2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = np.multiply(np.dot(W2.T, dZ2), 1 - np.power(A1, 2))
    dW1 = 1 / m * np.dot(dZ1, X.T)
    db1 = np.sum(dZ1, axis=1, keepdims=True)
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
"""

UPDATING = """
import numpy as np
def backward(X, Y, params, lr=0.01):
    W0, b0, W1, b1 = params
    a = np.tanh(X @ W0 + b0)
    d = a @ W1 + b1 - Y
    g1, e1 = a.T @ d, d.sum(0)
    W1 -= lr * g1
    b1 -= lr * e1
    d = d @ W1.T * (1 - a**2)
    return X.T @ d, d.sum(0), g1, e1
"""


def test_a_course_and_a_training_step(tmp_path):
    """A forgotten 1/m in one line of a course's exercise; a step that updates before it goes on."""
    report = judged(tmp_path / "a.py", "3-4:tanh-1:sigmoid --bias --loss bce", NG)
    (mistake,) = report.mistakes
    assert (mistake.kind, mistake.statement, mistake.message.facts["factor"]) == ("missing_factor", "db_1", "1/n")
    report = judged(tmp_path / "b.py", "2-3:tanh-2 --bias", UPDATING)
    (mistake,) = report.mistakes
    assert (mistake.kind, mistake.statement, mistake.message.facts["factor"]) == ("updated_weights", "dA_1", "0.01")


def test_single_samples_are_judged_too(tmp_path):
    """One sample at a time, in vectors: three mistakes, the layout found."""
    source = """
import numpy as np
def backprop(x, y, W1, b1, W2, b2):
    z = W1 @ x + b1
    a = np.tanh(z)
    d = W2 @ a + b2 - y
    d1 = (W2.T @ d) * (1 - z ** 2)
    return np.outer(d1, x), d1, np.outer(a, d), 2 * d
"""
    report = judged(tmp_path / "m.py", "2-3:tanh-2 --bias", source)
    found = [(m.kind, m.statement) for m in report.mistakes]
    assert found == [("transposed", "dW_2"), ("extra_factor", "db_2"), ("wrong_argument", "dZ_1")]
    assert {"layout.vector", "weights.out_in"} <= {remark.key for remark in report.reading}


def test_another_layers_array_of_another_shape(tmp_path):
    """A gradient whose shape is another one is told apart by which arrays give it."""
    code = written(NETWORKS["2-3-2-1 --bias"])
    change("dW2", "A1.T @ dZ2", "X.T @ dZ2")(code)
    report = judged(tmp_path / "m.py", "2-3-2-1 --bias", code.source())
    (mistake,) = report.mistakes
    assert (mistake.kind, mistake.read) == ("wrong_symbol", "dW_2 = X.T @ dZ_2")
