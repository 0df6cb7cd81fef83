"""Numbers: what goes in, what comes out by name, the traps of other tools, and the check by complex step."""

from __future__ import annotations

import dataclasses
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import (
    Activation,
    ChainruleError,
    Connection,
    DataError,
    Given,
    Layer,
    Loss,
    Network,
    Problems,
    ProgramError,
    SelectionError,
    Weight,
)
from chainrule.algebra import add, mul
from chainrule.derive import derive
from chainrule.expr import Dim, Index, Mul, Partial, Ref, Sum, Symbol
from chainrule.program import Program, Statement
from chainrule.rules import ACTIVATIONS, LOSSES
from chainrule.values import Seed, evaluate, verify
from chainrule.values.plan import compile_program, symbol_key
from strategies import OUTPUT_FOR, networks

LINEAR = Activation("identity")


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


def by_differences(net, values, name, *, h=1e-6):
    """∂loss/∂name of a weight or bias by central differences, the entries one by one."""
    numbers = {key: np.array(array) for key, array in values._numbers.items() if key[0] in "Wb"}
    out = np.zeros_like(numbers[name])
    for place in zip(*np.nonzero(numbers[name]), strict=True):  # 0 stands where the figure has nothing
        losses = []
        for step in (h, -h):
            changed = {key: array.copy() for key, array in numbers.items()}
            changed[name][place] += step
            losses.append(evaluate(net, weights=changed, inputs=values["X"], targets=values["true"])["loss"])
        out[place] = (losses[0] - losses[1]) / (2 * h)
    return out


# The seed's network


def test_seed_network_against_hand_written_numpy():
    """2-3-2-1 with sigmoid hidden units and a linear output, as anyone would write it."""
    random = np.random.default_rng(1)
    w = [random.normal(size=size) for size in ((2, 3), (3, 2), (2, 1))]
    x, true = random.normal(size=(5, 2)), random.normal(size=(5, 1))
    given_ = {f"W_{level}": matrix for level, matrix in enumerate(w, 1)}
    values = evaluate(Network.read("2-3-2-1"), weights=given_, inputs=x, targets=true)
    a1 = 1 / (1 + np.exp(-(x @ w[0])))
    a2 = 1 / (1 + np.exp(-(a1 @ w[1])))
    pred = a2 @ w[2]
    d3 = pred - true
    d2 = d3 @ w[2].T * a2 * (1 - a2)
    d1 = d2 @ w[1].T * a1 * (1 - a1)
    for name, theirs in {"Z_1": x @ w[0], "A_1": a1, "A_2": a2, "pred": pred, "loss": np.sum(d3**2) / 2}.items():
        close(values[name], theirs)
    for name, theirs in {
        "pred": d3, "Z_2": d2, "Z_1": d1, "W_3": a2.T @ d3, "W_2": a1.T @ d2, "W_1": x.T @ d1, "X": d1 @ w[0].T,
    }.items():  # fmt: skip
        close(values.partial(name), theirs)
    assert values.partial("W_2").shape == values["W_2"].shape == (3, 2)


# Traps


def program_of(expr, *symbols):
    loss = Ref(Symbol("loss"))
    return Program((Statement(loss, expr, "loss"),), (), symbols)


def test_a_symbol_used_twice():
    """d(e·e)/de is 2e, once: not e, not 4e."""
    dim = Dim("samples", 1)
    e = Symbol("x", (dim,))
    at = Ref(e, (1,))
    derivation = derive(program_of(Mul((at, at)), e))
    store = {symbol_key(e): np.array([3.0])}
    for _, run in compile_program(derivation.program):
        run(store)
    assert float(store[symbol_key(Symbol("loss"))]) == 9.0
    assert store[Ref(Symbol("loss")), symbol_key(e)].tolist() == [6.0]


def test_a_sum_inside_a_product_keeps_its_brackets():
    """(Σ_j x_j)(Σ_j x_j) is 9 for 1 + 2, not 1 + 4: two sums over the same index stay two."""
    dim = Dim("layer 1", 2)
    x, j = Symbol("x", (dim,)), Index("j", dim)
    total_ = Sum(j, Ref(x, (j,)))
    derivation = derive(program_of(mul(total_, total_), x))
    store = {symbol_key(x): np.array([1.0, 2.0])}
    for _, run in compile_program(derivation.program):
        run(store)
    assert float(store[symbol_key(Symbol("loss"))]) == 9.0
    assert store[Ref(Symbol("loss")), symbol_key(x)].tolist() == [6.0, 6.0]


def test_a_sum_of_two_losses():
    """Two terms of one loss that read the same symbol add their partials."""
    dim = Dim("samples", 2)
    x, n = Symbol("x", (dim,)), Index("n", dim)
    at = Ref(x, (n,))
    derivation = derive(program_of(add(Sum(n, Mul((at, at))), Sum(n, at)), x))
    store = {symbol_key(x): np.array([3.0, 5.0])}
    for _, run in compile_program(derivation.program):
        run(store)
    assert store[Ref(Symbol("loss")), symbol_key(x)].tolist() == [7.0, 11.0]


TRAPS = {
    "not square": Network.read("3-1-4-2 --bias"),
    "width 1 throughout": Network.read("1-1-1 --bias"),
    "one input, many outputs": Network.read("1-5"),
    "sigmoid output": Network.read("2-3-1:sigmoid --loss bce"),
    "softmax under a loss that is not its own": Network.read("2-3-3:softmax"),
    "mean over samples and outputs": Network.read("2-3-2 --loss mse"),
    "sum over samples, mean over outputs": Network.read("2-2-3").replace(loss=Loss(outputs="mean")),
    "a bias for some units": Network(2, (Layer(3, bias=(True, False, True)), Layer(1, (LINEAR,)))),
    "an activation for each unit": Network(
        2, (Layer(3, (Activation("tanh"), Activation("softplus"), Activation("tanh"))), Layer(2, (LINEAR,)))
    ),
    "missing edges": Network(
        2,
        (Layer(3), Layer(1, (LINEAR,))),
        (Connection(1, 0, ((1, 1), (2, 1), (2, 2), (3, 2))), Connection(2, 1)),
    ),
    "a skip connection": Network(
        2, (Layer(2), Layer(2, (LINEAR,))), (Connection(1, 0), Connection(2, 1), Connection(2, 0, ((1, 2), (2, 1))))
    ),
    "outputs from two layers": Network(
        2, (Layer(2), Layer(2, (LINEAR,))), outputs=((2, 2), (1, 1), (2, 1)), loss=Loss("mse", None, "mean", "sum")
    ),
    "tied across layers": Network.read("2-2-2 --bias").replace(
        ties=((Weight(1, 0, 1, 1), Weight(2, 1, 2, 2)), (Weight(1, 0, 1, 2), Weight(1, 0, 2, 1), Weight(2, 1, 1, 1)))
    ),
    "a whole layer tied to another": Network.read("2-2-2").replace(
        ties=tuple((Weight(1, 0, i, j), Weight(2, 1, j, i)) for i in (1, 2) for j in (1, 2))
    ),
}


@pytest.mark.parametrize("name", TRAPS)
@pytest.mark.parametrize("samples", [1, 4])
def test_traps(name, samples):
    """Every partial by complex step; every weight and bias by central differences, which share nothing with it."""
    net = TRAPS[name]
    values = evaluate(net, inputs=np.random.default_rng(2).uniform(-1, 1, (samples, net.inputs)))
    check = verify(values)
    assert check.count == check.total
    assert check.largest_error < 1e-14
    for array in values._numbers:
        if array[0] not in "Wb" or (net.ties and array[0] == "W"):
            continue
        differences = by_differences(net, values, array)
        np.testing.assert_allclose(values.partial(array), differences, rtol=1e-6, atol=1e-8)


def test_tied_weights_share_one_partial():
    """Moving the one number moves the loss as the partial says; both names have it, and both places of the matrices."""
    net = TRAPS["tied across layers"]
    values = net.values(inputs=[[0.3, -0.7]])
    numbers = {str(w): values.symbols[str(w)] for w in net.weights()} | {"b_1": values["b_1"], "b_2": values["b_2"]}

    def loss(step):
        moved = {**numbers, "w_11^1": numbers["w_11^1"] + step, "w_22^2": numbers["w_22^2"] + step}
        return net.values(weights=moved, inputs=values["X"], targets=values["true"])["loss"]

    assert values.partials["w_11^1"] == values.partials["w_22^2"] == values.partial("W_2")[1, 1]
    assert math.isclose((loss(1e-6) - loss(-1e-6)) / 2e-6, values.partials["w_11^1"], rel_tol=1e-8)
    assert values.partial("W_1")[1, 0] == values.partial("W_1")[0, 1] == values.partial("W_2")[0, 0]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_batch_is_the_sum_of_its_samples(loss):
    """Summed, a batch's partials are the sums over its samples; averaged, a third of that for three."""
    output = OUTPUT_FOR.get(loss, ("identity",))[0]
    net = Network(2, (Layer(3, (Activation("tanh"),), (True,)), Layer(3, (Activation(output),))), loss=Loss(loss))
    values = net.values(inputs=np.random.default_rng(3).uniform(-2, 2, (3, 2)))
    numbers = {name: array for name, array in values._numbers.items() if name[0] in "Wb"}
    x, true = values["X"], values["true"]
    parts = [net.values(inputs=x[n], targets=true[n : n + 1], weights=numbers) for n in range(3)]
    mean = net.replace(loss=Loss(loss, samples="mean")).values(inputs=x, targets=true, weights=numbers)
    for name in ("W_1", "W_2", "b_1"):
        close(values.partial(name), sum(part.partial(name) for part in parts))
        close(mean.partial(name), values.partial(name) / 3)
    for n, part in enumerate(parts):
        close(values["Z_1"][n : n + 1], part["Z_1"])
        close(values.partial("Z_1")[n : n + 1], part.partial("Z_1"))
    close(values["loss"], sum(part["loss"] for part in parts))


def test_large_numbers_stay_finite():
    """Softplus, sigmoid and log-sum-exp of thousands: finite numbers, and partials that verify."""
    net = Network.read("2-3:softplus-2:mish-3 --loss softmax_ce")
    values = net.values(inputs=[[900.0, -1500.0]], targets=[0, 1, 0])
    assert all(math.isfinite(number) for number in values.partials.values())
    assert verify(values).largest_error < 1e-12


def test_no_warning_escapes_where_a_probability_is_zero():
    """As IEEE has it, log 0 is −inf; 0 · log 0 is 0, as a cross-entropy means it; NumPy's warnings stay inside."""
    net = Network.read("1-1:sigmoid --loss bce")
    sure = net.values(weights={"W_1": [[1000.0]]}, inputs=1.0, targets=0.0)
    assert sure["loss"] == math.inf
    right = net.values(weights={"W_1": [[1000.0]]}, inputs=1.0, targets=1.0)
    assert right["loss"] == 0.0
    assert right.number(right.derivation.source.statements[-1].expr) == 0.0


# Names


def test_names():
    """Numbers and arrays by the names of the page; samples are written where there are several."""
    values = Network.read("2-3-2-1 --bias").values(inputs=[[1, 2], [3, 4]], targets=[5, 6])
    assert values["x_1[2]"] == values.symbols["x_1[2]"] == 4.0
    assert values["true"].tolist() == [[5.0], [6.0]]
    assert values["true[2]"] == values.symbols["true[2]"] == 6.0
    assert values["a_2^1"].tolist() == values["A_1"][:, 1].tolist()
    assert values["a_2^1[2]"] == values["A_1"][1, 1]
    assert values["W_2"][2, 1] == values["w_23^2"] == values.symbols["w_23^2"]
    assert values["b_1"][2] == values["b_3^1"] == values.symbols["b_3^1"]
    assert values["pred"].shape == (2, 1)
    assert values.partials["pred[1]"] == values.symbols["pred[1]"] - 5.0
    assert values.partial("loss") == 1.0
    assert "w_11^2" in values.partials
    assert "a_1^1" not in values.partials  # of which sample?
    assert "w_99^2" not in values.symbols
    assert "loss" not in values.partials
    assert values.samples == 2


def test_names_of_one_sample_and_of_many_units():
    """With one sample and one output the page's bare names are numbers; long indices are set off by a comma."""
    values = Network.read("2-12-1").values()
    assert values.symbols["pred"] == values["pred"].item()
    assert values.symbols["true"] == values["true"].item()
    assert values["a_12^1"] == values.symbols["a_12^1"] == values["A_1"][0, 11]
    assert values.partials["w_1,12^2"] == values.partial("W_2")[11, 0] == values.partial("w_1,12^2")


def test_views_hold_every_name_once():
    """`symbols` and `partials` list what they can look up, each name once, without making it all up front."""
    for net in TRAPS.values():
        values = net.values(inputs=np.zeros((2, net.inputs)))
        for view in (values.symbols, values.partials):
            listed = dict(view.items())
            assert len(listed) == len(view) == len(list(view))
            assert all(view[name] == number for name, number in listed.items())
        assert all(str(weight) in values.symbols and str(weight) in values.partials for weight in net.weights())


def test_a_large_view_costs_nothing_until_it_is_read():
    """Of 1.8 million partials one is looked up without a table of all; nothing of the size (N, in, out) is made."""
    net = Network.read("784-1000-1000-10")
    weights = {"W_1": np.zeros((784, 1000)), "W_2": np.zeros((1000, 1000)), "W_3": np.ones((1000, 10))}
    tracemalloc.start()
    values = net.values(weights=weights, inputs=np.ones((32, 784)))
    assert values.partials["w_7,900^2"] == values.partial("W_2")[899, 6]
    assert len(values.partials) > 1_790_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Three copies of the weights (given, stored, partials) and one as scratch; (N, in, out) would be 32 times one.
    assert peak < 5 * 8 * net.weight_count


def test_arrays_are_read_only_and_values_are_frozen():
    """What came out of a computation is not changed behind its back, nor are the arrays that went in."""
    given_ = np.ones((2, 1))
    values = Network.read("2-1").values(weights={"W_1": given_})
    with pytest.raises(ValueError, match="read-only"):
        values["W_1"][0, 0] = 2
    with pytest.raises(ValueError, match="read-only"):
        values.partial("W_1")[0, 0] = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        values.seed = None
    given_[0, 0] = 7
    assert values["W_1"][0, 0] == 1.0


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("w_13^1", "select_unit"), ("w_11^9", "select_symbol"), ("Z_3", "select_symbol"), ("a_1^1[3]", "select_sample"),
        ("b_1^1", "select_symbol"), ("nonsense", "unknown_symbol"), ("w_111^1", "ambiguous_index"),
    ],
)  # fmt: skip
def test_unknown_names_are_refused(name, key):
    """A name that means nothing says what there is."""
    values = Network.read("2-3-2-1").values(inputs=[[1, 2], [3, 4]])
    with pytest.raises(SelectionError) as caught:
        values[name]
    assert caught.value.key == key
    for lang in ("en", "ko"):
        assert caught.value.message(lang=lang)
    with pytest.raises(KeyError):
        values.symbols[name]


def test_what_has_no_partial_or_no_edge():
    """The loss is not differentiated by its targets; a missing edge has no weight."""
    with pytest.raises(SelectionError) as caught:
        Network.read("2-1").values().partial("true")
    assert caught.value.key == "select_symbol"
    with pytest.raises(SelectionError) as caught:
        TRAPS["missing edges"].values()["w_12^1"]
    assert caught.value.key == "select_edge"


# The numbers of lines


@pytest.mark.parametrize("name", TRAPS)
def test_every_form_of_every_line_has_the_same_number(name):
    """Chain, substituted and expanded form are one number, and it is the partial."""
    values = TRAPS[name].values()
    for step in values.derivation:
        for form in (step.chain, step.substituted, step.expanded):
            assert math.isclose(values.number(form), values.partials[step.name], rel_tol=1e-12, abs_tol=1e-15)


def test_numbers_of_expressions_with_an_open_number_of_samples():
    """A line of a derivation over N samples is read for as many as there are."""
    net = Network.read("2-3-2-1 --loss mse")
    values = net.values(inputs=np.random.default_rng(0).uniform(size=(40, 2)))
    step = net.derive(samples=None)["w_11^2"]
    assert math.isclose(values.number(step.substituted), values.partials["w_11^2"], rel_tol=1e-12)


def test_long_sums_are_added_by_numpy():
    """A Σ over a hundred units is one array operation; the number is the same."""
    values = Network.read("2-100-60-1").values()
    for name in ("w_11^1", "a_7^1", "x_0"):
        step = values.derivation[name]
        for form in (step.chain, step.substituted, step.expanded):
            assert math.isclose(values.number(form), values.partials[name], rel_tol=1e-12)


def test_local_partials():
    """∂q/∂s is the derivative of q's own statement, 0 between units that do not meet, refused between distant ones."""
    values = Network.read("2-3-2-1").values()
    source = values.derivation.source
    z, a = source.symbols["z", 2, None], source.symbols["a", 1, None]
    w = source.symbols["w", 2, 1]
    assert values.number(Partial(Ref(z, (1, 2)), Ref(a, (1, 3)))) == values["w_23^2"]
    assert values.number(Partial(Ref(z, (1, 2)), Ref(w, (2, 3)))) == values["a_3^1"]
    assert values.number(Partial(Ref(z, (1, 2)), Ref(w, (1, 3)))) == 0.0
    assert values.number(Partial(Ref(z, (1, 2)), Ref(z, (1, 2)))) == 1.0
    assert values.number(Partial(Ref(z, (1, 2)), Ref(z, (1, 1)))) == 0.0
    with pytest.raises(ProgramError) as caught:
        values.number(Partial(Ref(source.symbols["pred", None, None], (1, 1)), Ref(a, (1, 3))))
    assert caught.value.key == "not_direct"
    assert "pred" in caught.value.message(lang="ko")


# What goes in


def test_what_is_not_given_is_drawn_with_a_visible_seed():
    """The same seed gives the same numbers; giving one array leaves the others as they were."""
    net = Network.read("2-3:tanh-1 --bias")
    first, again, other = net.values(), net.values(seed=0), net.values(seed=1)
    assert first.seed == Seed(0, ("W_1", "b_1", "W_2", "b_2", "X", "true"))
    assert dict(first.partials) == dict(again.partials) != dict(other.partials)
    some = net.values(weights={"W_2": np.ones((3, 1))}, inputs=[1, 2])
    assert some.seed.drawn == ("W_1", "b_1", "b_2", "true")
    assert some["W_1"].tolist() == first["W_1"].tolist()
    one = net.values(weights={"w_12^1": 0.25}, biases={"b_1^1": 0.5})
    assert one["w_12^1"] == 0.25
    assert one["b_1^1"] == 0.5
    assert one["w_11^1"] == first["w_11^1"]
    assert "W_1" in one.seed.drawn
    limit = math.sqrt(6 / 5)
    assert np.all(np.abs(first["W_1"]) <= limit)
    assert np.all(first["b_1"] != 0)


@pytest.mark.parametrize("loss", LOSSES)
def test_drawn_targets_suit_the_loss(loss):
    """Classes for a class index, ±1 for hinge, 0 or 1 for binary cross-entropy, distributions for the others."""
    net = Network(2, (Layer(4, (Activation("sigmoid"),)),), loss=Loss(loss))
    true = net.values(inputs=np.zeros((30, 2)))["true"]
    if LOSSES[loss].class_index:
        assert set(true.tolist()) == {1.0, 2.0, 3.0, 4.0}
    elif "bce" in loss or "binary" in loss:
        assert set(true.ravel().tolist()) == {0.0, 1.0}
    elif loss == "hinge":
        assert set(true.ravel().tolist()) == {-1.0, 1.0}
    elif "cross" in loss:
        close(true.sum(axis=1), 1.0)
        assert np.all(true > 0)
    else:
        assert np.all(np.abs(true) <= 1)


def test_the_sheet_is_read_and_arguments_go_before_it():
    """Numbers of `net.given` are used where no argument says otherwise."""
    sheet = Given(
        weights=((Weight(1, 0, 1, 1), 0.5), (Weight(1, 0, 1, 2), -1.0)),
        biases=(((1, 1), 0.25),),
        inputs=((1.0, 2.0),),
        targets=((1.0,),),
    )
    net = Network(2, (Layer(1, (LINEAR,), (True,)),), given=sheet)
    values = net.values()
    assert values.seed.drawn == ()
    assert values["pred"].item() == -1.25
    assert net.values(weights={"w_12^1": 1.0})["pred"].item() == 2.75
    assert net.values(inputs=[[0, 0]])["pred"].item() == 0.25


def test_shapes_that_are_understood():
    """One sample may be a row or a list, a single column a list, a single number a number."""
    net = Network.read("2-1")
    rows = net.values(inputs=[[1, 2], [3, 4]], targets=[[5], [6]])
    assert net.values(inputs=[[1, 2], [3, 4]], targets=[5, 6])["loss"] == rows["loss"]
    assert net.values(inputs=[1, 2], targets=5)["X"].shape == (1, 2)
    assert Network.read("1-1").values(inputs=[1, 2, 3], targets=[1, 2, 3])["X"].shape == (3, 1)
    assert Network.read("2-3").values(inputs=[1, 2], targets=[1, 2, 3])["true"].shape == (1, 3)
    classes = Network.read("2-3 --loss softmax_ce_index")
    assert classes.values(inputs=[[1, 2]], targets=3)["true"].shape == (1,)
    assert classes.values(inputs=[[1, 2], [1, 2]], targets=[[3], [1]])["true"].tolist() == [3.0, 1.0]
    assert net.values(inputs=np.array([[1, 2]], dtype=np.int8))["X"].dtype == np.float64


NAN = float("nan")

BAD = [
    ("2-3-1", {"weights": {"W_1": np.zeros((3, 2))}}, "transposed_matrix", "3×2"),
    ("2-3-1", {"weights": {"W_1": np.zeros((2, 4))}}, "number_shape", "2×4"),
    ("2-3-1", {"weights": {"W_1": np.zeros(6)}}, "number_shape", "2×3"),
    ("2-3-1 --bias", {"biases": {"b_1": np.zeros(2)}}, "number_shape", "3"),
    ("2-3-1", {"weights": {"w_11^1": [1, 2]}}, "number_shape", "w_11^1"),
    ("2-3-1", {"weights": {"w_41^1": 1}}, "no_such_weight", "w_41^1"),
    ("2-3-1", {"weights": {"b_1^1": 1}}, "no_such_bias", "unit 1 of layer 1"),
    ("2-3-1", {"weights": {"W_3": 1}}, "unknown_array", "W_1"),
    ("2-3-1", {"weights": {"v": 1}}, "unknown_symbol", "v"),
    ("2-3-1", {"weights": [1, 2]}, "not_a_mapping", "list"),
    ("2-3-1", {"weights": {"w_11^1": NAN}}, "not_finite", "w_11^1"),
    ("2-3-1", {"weights": {"W_2": [[1], [math.inf], [2]]}}, "not_finite", "w_12^2"),
    ("2-3-1", {"weights": {"W_2": [["a"], ["b"], ["c"]]}}, "no_numbers", "W_2"),
    ("2-3-1", {"weights": {"W_2": np.ones((3, 1), dtype=complex)}}, "no_numbers", "complex"),
    ("2-3-1", {"weights": {"W_1": [[1, 2], [3]]}}, "ragged_numbers", "W_1"),
    ("2-3-1", {"weights": {"W_2": np.ones((3, 1)), "w_11^2": 1}}, "given_twice", "w_11^2"),
    ("2-3-1", {"inputs": [1, 2, 3]}, "number_shape", "3"),
    ("2-3-1", {"inputs": np.zeros((2, 2, 2))}, "number_shape", "2×2×2"),
    ("2-3-1", {"inputs": np.zeros((0, 2))}, "number_shape", "0×2"),
    ("2-3-1", {"inputs": [[1, NAN]]}, "not_finite", "X[1][2]"),
    ("2-3-2", {"inputs": [[1, 2], [3, 4]], "targets": [1, 2, 3]}, "number_shape", "3"),
    ("2-3-1", {"inputs": [[1, 2], [3, 4]], "targets": [1, 2, 3]}, "sample_counts", "2"),
    ("2-3-1 --loss bce", {"targets": 1.5}, "target_probability", "1.5"),
    ("2-3-1 --loss bce_logits", {"targets": -0.5}, "target_probability", "-0.5"),
    ("2-3-1 --loss hinge", {"targets": 0}, "target_sign", "0.0"),
    ("2-3-3 --loss softmax_ce", {"targets": [0.5, 0.5, 0.5]}, "target_sum", "1.5"),
    ("2-3-3 --loss softmax_ce", {"targets": [1.5, -0.5, 0]}, "target_probability", "-0.5"),
    ("2-3-3 --loss softmax_ce_index", {"targets": [0]}, "class_outside", "0.0"),
    ("2-3-3 --loss ce_index", {"targets": [1.5]}, "class_outside", "1.5"),
    ("2-3-3 --loss ce_index", {"targets": [4]}, "class_outside", "4.0"),
    ("2-3-1", {"seed": -1}, "bad_seed", "-1"),
    ("2-3-1", {"seed": 1.5}, "bad_seed", "1.5"),
]


@pytest.mark.parametrize(("shorthand", "numbers", "key", "said"), BAD)
def test_numbers_that_do_not_fit_are_refused(shorthand, numbers, key, said):
    """The error has its key, names the sizes or the place, and exists in both languages."""
    with pytest.raises(ChainruleError) as caught:
        evaluate(Network.read(shorthand), **numbers)
    assert isinstance(caught.value, DataError)
    assert caught.value.key == key
    assert said in caught.value.message()
    assert caught.value.message(lang="ko") != caught.value.message()


def test_all_problems_are_told_at_once():
    """Several arrays that do not fit are one error with all of them."""
    with pytest.raises(Problems) as caught:
        evaluate(Network.read("2-3-1"), weights={"W_1": np.zeros((3, 2)), "W_2": np.zeros((4, 1)), "w_99^1": 0})
    assert [problem.key for problem in caught.value.problems] == ["transposed_matrix", "number_shape", "no_such_weight"]


def test_numbers_where_nothing_is_drawn():
    """A matrix has 0 where the figure has no edge; tied weights have one number."""
    net = TRAPS["missing edges"]
    assert net.values(weights={"W_1": [[1, 1, 0], [0, 1, 1]]})["W_1"][1, 0] == 0.0
    for numbers, key in (
        ({"W_1": np.ones((2, 3))}, "number_without_edge"),
        ({"w_12^1": 0.5}, "no_such_weight"),
    ):
        with pytest.raises(DataError) as caught:
            net.values(weights=numbers)
        assert caught.value.key == key
    tied = TRAPS["tied across layers"]
    assert tied.values(weights={"w_22^2": 0.5})["w_11^1"] == 0.5
    with pytest.raises(DataError) as caught:
        tied.values(weights={"w_22^2": 0.5, "w_11^1": 0.25})
    assert caught.value.key == "tied_numbers"


# The second method


def test_verify_finds_a_wrong_partial():
    """Change one partial by one part in a million: it is named."""
    values = Network.read("2-3-2-1 --bias").values()
    assert verify(values).largest_error < 1e-15
    key = values.derivation.source.root, ("w", 2, 1)
    array = values._store[key].copy()
    array[0, 2] *= 1 + 1e-6
    check = verify(dataclasses.replace(values, _store={**values._store, key: array}))
    assert check.where == check.where_relative == "w_13^2"
    assert check.largest_error > 1e-10
    array[0, 2] = NAN
    assert verify(dataclasses.replace(values, _store={**values._store, key: array})).largest_error == math.inf


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_verify_agrees_on_every_activation(name):
    """By forward statements alone, in complex numbers."""
    hidden = name if not ACTIVATIONS[name].vector else "tanh"
    net = Network(2, (Layer(4, (Activation(hidden),), (True,)), Layer(3, (Activation(name),))))
    check = verify(net.values(inputs=np.random.default_rng(4).uniform(-4, 4, (3, 2))))
    assert check.count == check.total
    assert check.largest_relative < 1e-13
    assert check.kinks == ()


def test_verify_reports_kinks():
    """A ReLU at 0 and an absolute value at 0 are told by name; Huber has no kink, and neither has ELU with α = 1."""
    at_zero = Network.read("1-2:relu-1").values(inputs=0.0)
    check = verify(at_zero)
    assert check.kinks == ("z_1^1", "z_2^1")
    assert check.largest_error < 1e-15
    fitted = Network.read("1-1 --loss mae")
    values = fitted.values(weights={"W_1": [[2.0]]}, inputs=[1.0, 2.0], targets=[3.0, 4.0 + 5e-7])
    assert verify(values).kinks == ("pred[2]",)
    for smooth in ("1-1 --loss huber", "1-2:elu-1", "1-2:gelu-1", "1-2:softplus-1"):
        assert verify(Network.read(smooth).values(inputs=0.0, targets=0.0)).kinks == ()


def test_verify_samples_large_networks_and_says_so():
    """Where there are too many partials, some of each symbol are drawn with a seed."""
    values = Network.read("20-60-40-3 --bias").values(inputs=np.random.default_rng(0).uniform(-1, 1, (5, 20)))
    check = verify(values, most=300, seed=3)
    assert check.sampled
    assert 250 <= check.count <= 300
    assert check.seed == 3
    assert check.total == len(values.partials)
    assert check.largest_relative < 1e-12


# Random networks


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_networks(data):
    """All that was drawn verifies, every form of every line has the same number, and every name is found."""
    net = data.draw(networks())
    random = np.random.default_rng(data.draw(st.integers(0, 100)))
    values = net.values(inputs=random.uniform(-1, 1, (data.draw(st.integers(1, 3)), net.inputs)))
    check = verify(values)
    assert check.largest_relative < 1e-9 or check.largest_error < 1e-13
    for step in values.derivation:
        if any(not isinstance(term, int) for term in step.target.indices):
            continue  # a line for every sample has a number for each
        partial = values.partials[step.name]
        for form in (step.chain, step.substituted, step.expanded):
            assert math.isclose(values.number(form), partial, rel_tol=1e-9, abs_tol=1e-12)
    for view in (values.symbols, values.partials):
        assert all(view[name] == number for name, number in view.items())
