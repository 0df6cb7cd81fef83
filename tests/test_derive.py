"""The derivation itself: order, completeness, forms, ties, skips, and deriving again."""

from fractions import Fraction

import pytest
from hypothesis import given, settings

from chainrule import Activation, Connection, Layer, Loss, Network, Weight
from chainrule.algebra import add, atoms, mul, total
from chainrule.calculus import differentiate
from chainrule.derive import derive
from chainrule.errors import ProgramError
from chainrule.expr import Dim, Index, Mul, Number, Partial, Ref, Sum, Symbol
from chainrule.notation import plain
from chainrule.program import Program, Statement, build, check
from chainrule.selection import Elision, paths, select, steps
from chainrule.views import Lines
from strategies import networks


def lines(shorthand, **options):
    """Every line of a network as text."""
    return [step.text(**options) for step in Network.read(shorthand).derive()]


@settings(max_examples=60, deadline=None)
@given(networks())
def test_every_partial_that_is_used_is_derived_before(network):
    """No Step uses a partial of the loss that no earlier Step derives, and no target is derived twice."""
    done = set()
    for step in steps(network.derive(), inputs=True):
        assert step.target not in done
        for partial in step.uses:
            assert partial.by in done, f"{step.name} uses {plain(partial.by)} too early"
        done.add(step.target)


@settings(max_examples=60, deadline=None)
@given(networks())
def test_every_weight_and_bias_is_answered(network):
    """Each free weight and each bias of the figure has exactly one line."""
    names = [step.name for step in network.derive()]
    tied_away = {weight for group in network.ties for weight in group[1:]}
    from chainrule.figure.spelling import spell_bias, spell_weight

    wanted = [spell_weight(weight) for weight in network.weights() if weight not in tied_away]
    for level, layer in enumerate(network.layers, start=1):
        wanted += [spell_bias(level, unit) for unit in range(1, layer.size + 1) if layer.has_bias(unit)]
    assert sorted(name for name in names if name[0] in "wb") == sorted(wanted)


@settings(max_examples=60, deadline=None)
@given(networks())
def test_expanded_forms_hold_no_partials(network):
    """An expanded form goes all the way: no ∂ is left in it."""
    for step in network.derive():
        assert not any(isinstance(atom, Partial) for atom in atoms(step.expanded)), step.text(depth="expanded")


def test_a_symbol_used_twice_counts_twice():
    """e·e has the derivative e + e: both occurrences are followed, each once."""
    e = Ref(Symbol("e"))
    slope = differentiate(Mul((e, e)), e)
    assert slope == add(e, e)


def test_a_symbol_squared_in_a_sum():
    """∂/∂e_J of Σ_j e_j e_j is e_J + e_J: the δ of each occurrence fixes the sum."""
    dim = Dim("units", 3)
    j, here = Index("j", dim), Index("J", dim)
    e = Symbol("e", (dim,))
    assert differentiate(total(j, mul(Ref(e, (j,)), Ref(e, (j,)))), Ref(e, (here,))) == add(
        Ref(e, (here,)), Ref(e, (here,))
    )


def test_a_sum_inside_a_product_keeps_its_brackets():
    """The sum over paths is bracketed before it is multiplied by a(1 − a), written out and as a Σ."""
    net = Network.read("2-3-2-1")
    assert net.derive()["z_1^1"].text().endswith("(∂loss/∂z_1^2 · w_11^2 + ∂loss/∂z_2^2 · w_21^2) · a_1^1(1 − a_1^1)")
    general = Lines(net.derive(), limit=0)
    (family,) = [f for f in net.derive().families if str(f.target.symbol) == "z^1"]
    assert general.step(family.target).text().endswith("= (Σ_{k=1}^2 ∂loss/∂z_k^2 · w_ki^2) · a_i^1(1 − a_i^1)")


def test_a_sum_of_two_losses():
    """Two outputs: each has its own ∂loss/∂pred, and a hidden unit adds the paths through both."""
    found = lines("1-1-2")
    assert "∂loss/∂pred_1 = (pred_1 − true_1)" in found
    assert "∂loss/∂pred_2 = (pred_2 − true_2)" in found
    assert (
        "∂loss/∂a_1^1 = ∂loss/∂pred_1 · ∂pred_1/∂a_1^1 + ∂loss/∂pred_2 · ∂pred_2/∂a_1^1"
        " = ∂loss/∂pred_1 · w_11^2 + ∂loss/∂pred_2 · w_21^2" in found
    )


def test_width_one():
    """A chain of single units: every line is one product."""
    assert lines("1-1-1")[-1] == (
        "∂loss/∂w_11^1 = ∂loss/∂z_1^1 · ∂z_1^1/∂w_11^1 = (pred − true) · w_11^2 · a_1^1(1 − a_1^1) · x_0"
    )


def test_a_sigmoid_output_layer():
    """A nonlinear output has a z of its own, and pred in place of a."""
    found = lines("2-1:sigmoid --loss bce")
    assert "∂loss/∂z_1^1 = ∂loss/∂pred · ∂pred/∂z_1^1 = pred − true" in found  # (p − t)/(p(1 − p)) · p(1 − p)
    assert "∂loss/∂w_12^1 = ∂loss/∂z_1^1 · ∂z_1^1/∂w_12^1 = (pred − true) · x_1" in found


def test_softmax_has_its_whole_jacobian():
    """Every output depends on every logit: p_k(δ_ki − p_i), diagonal and off-diagonal."""
    found = lines("2-2:softmax --loss cross_entropy --reduction sum")
    assert (
        "∂loss/∂z_1^1 = ∂loss/∂pred_1 · ∂pred_1/∂z_1^1 + ∂loss/∂pred_2 · ∂pred_2/∂z_1^1"
        " = ∂loss/∂pred_1 · pred_1(1 − pred_1) − ∂loss/∂pred_2 · pred_2 pred_1" in found
    )


def test_mean_over_samples_and_outputs():
    """The mean's factors stand in ∂loss/∂pred: 2/(N·K)."""
    net = Network.read("1-2 --loss mse")
    step = net.derive(samples=3)["pred_1[2]"]
    assert step.text() == "∂loss/∂pred_1[2] = 1/3 · (pred_1[2] − true_1[2])"
    assert net.derive(samples=None)["pred_1"].text() == "∂loss/∂pred_1[n] = 1/N · (pred_1[n] − true_1[n])"
    three = Network.read("1-3 --loss mse").derive(samples=None)
    assert three["pred_1"].latex() == r"\frac{\partial loss}{\partial pred_1[n]} = \frac{2}{3 N}(pred_1[n] - true_1[n])"


def test_a_tied_weight_adds_its_uses():
    """One number at two edges: its partial is the sum over both."""
    net = Network(1, (Layer(2), Layer(1, (Activation(),))), ties=((Weight(1, 0, 1, 1), Weight(1, 0, 2, 1)),))
    assert net.derive()["w_11^1"].text() == (
        "∂loss/∂w_11^1 = ∂loss/∂z_1^1 · ∂z_1^1/∂w_11^1 + ∂loss/∂z_2^1 · ∂z_2^1/∂w_11^1"
        " = ∂loss/∂z_1^1 · x_0 + ∂loss/∂z_2^1 · x_0"
    )


def test_a_skip_connection_is_a_path_of_its_own():
    """A unit that feeds the next layer and the one after it adds both ways."""
    net = Network.read("1-1-1-1")
    skip = Network(1, net.layers, connections=(*net.connections, Connection(3, 1)))
    assert skip.derive()["a_1^1"].text() == (
        "∂loss/∂a_1^1 = ∂loss/∂z_1^2 · ∂z_1^2/∂a_1^1 + ∂loss/∂pred · ∂pred/∂a_1^1"
        " = ∂loss/∂z_1^2 · w_11^2 + ∂loss/∂pred · w_11^3,1"
    )
    assert skip.derive()["w_11^3,1"].text() == (
        "∂loss/∂w_11^3,1 = ∂loss/∂pred · ∂pred/∂w_11^3,1 = (pred − true) · a_1^1"
    )


def test_missing_edges_take_no_part():
    """An edge that the figure lacks stands in no sum, and has no line."""
    net = Network(
        2,
        (Layer(2), Layer(1, (Activation(),))),
        connections=(Connection(1, 0, ((1, 1), (2, 1), (2, 2))), Connection(2, 1)),
    )
    names = [step.name for step in net.derive()]
    assert "w_12^1" not in names and "w_22^1" in names
    assert net.derive()["w_11^1"].uses == (Partial(net.derive().source.root, net.derive()["z_1^1"].target),)


def test_paths_are_data():
    """The paths from a weight to the loss, one for each way through the figure."""
    found = [tuple(map(plain, path)) for path in paths(Network.read("2-3-2-1").derive(), "w_12^1")]
    assert found == [
        ("w_12^1", "z_1^1", "a_1^1", "z_1^2", "a_1^2", "pred", "loss"),
        ("w_12^1", "z_1^1", "a_1^1", "z_2^2", "a_2^2", "pred", "loss"),
    ]


def test_long_families_are_elided():
    """The general line, the first two, how many are left out, and the last; together they are all lines."""
    derivation = Network.read("2-100-50-1").derive()
    items = list(select(derivation, "W_2", every=False))
    assert [item.name if not isinstance(item, Elision) else item.count for item in items] == [
        "w_ij^2", "w_11^2", "w_12^2", 4997, "w_50,100^2",
    ]  # fmt: skip
    assert items[0].general and items[0].shape == (50, 100)
    assert items[1].shape == ()


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("w_11^2", ["w_11^2"]),
        ("w_{11}^{2}", ["w_11^2"]),
        ("b_2^1", ["b_2^1"]),
        ("pred", ["pred"]),
        ("x_1", ["x_1"]),
        ("W_3", ["w_11^3", "w_12^3"]),
        ("A_2", ["a_1^2", "a_2^2"]),
        ("b_3", ["b_1^3"]),
        ("layer 3", ["pred", "w_11^3", "w_12^3", "b_1^3"]),
    ],
)
def test_select(name, targets):
    """One weight, bias, unit or layer."""
    assert [step.name for step in select(Network.read("2-3-2-1 --bias").derive(), name)] == targets


def test_select_by_the_name_on_the_sheet():
    """A named unit means its a, its z, its weights and its bias."""
    net = Network(1, (Layer(1, names=("h",), bias=(True,)), Layer(1, (Activation(),))), input_names=("age",))
    assert [step.name for step in select(net.derive(), "h")] == ["a_1^1", "z_1^1", "w_11^1", "b_1^1"]
    assert [step.name for step in select(net.derive(), "age")] == ["x_0"]


def test_a_million_weights_cost_what_six_do():
    """Families do not grow with the network: 784-1000-1000-10 has as many as 2-3-2-1 has."""
    small, large = (Network.read(s).derive().families for s in ("2-3-2-1", "784-1000-1000-10"))
    assert len(small) == len(large)


def test_deriving_again():
    """A derivation is statements, and these derive again: ∂²loss/∂w² of pred = w x is x²."""
    first = Network.read("1-1").derive()
    step = first["w_11^1"]
    second = derive(first.program, of=step.partial)
    (family,) = second.of[step.target.symbol]
    from chainrule.views import Lines as _Lines

    expanded = _Lines(second).step(step.target).expanded
    x = next(atom for atom in atoms(expanded) if isinstance(atom, Ref))
    assert family.target == step.target
    assert expanded == Mul((x, x)) or expanded == mul(x, x)


def test_a_program_is_type_checked():
    """An index that is free on the right, over the wrong layer, or out of range is refused, naming sizes."""
    dim, other = Dim("layer 1", 2), Dim("layer 2", 3)
    i, j = Index("i", dim), Index("j", other)
    x = Symbol("x", (dim,))
    loss = Ref(Symbol("loss"))

    def program(expr):
        return Program((Statement(loss, expr, "loss"),), (), (x,))

    check(program(total(i, Ref(x, (i,)))))
    for expr, key in (
        (Ref(x, (i,)), "unbound_index"),
        (Sum(j, Ref(x, (j,))), "index_dim"),
        (Ref(x, (3,)), "index_range"),
        (Ref(x), "index_count"),
        (Ref(Symbol("y")), "used_before"),
    ):
        with pytest.raises(ProgramError) as caught:
            check(program(expr))
        assert caught.value.key == key
        assert str(caught.value)


def test_mae_and_hinge_state_their_kinks():
    """What is taken at a kink is said beside the lines."""
    assert "[z_1^1 > 0]" in Network.read("1-1:relu-1").derive()["z_1^1"].text()
    assert "ReLU has a kink at 0" in Network.read("1-1:relu-1").derive().show("text")
    assert "there is a kink" in Network.read("1-1 --loss mae").derive().show("text")


def test_numbers_stay_exact():
    """Coefficients are fractions, not floats."""
    statement = build(Network.read("1-2 --loss mse"), samples=3).statements[-1]
    assert isinstance(statement.expr, Mul)
    assert statement.expr.factors[0] == Number(Fraction(1, 6))
    assert Loss().samples == "sum"


@pytest.mark.parametrize("width", [1, 2])
def test_depth_is_no_limit(width):
    """400 layers derive, show and expand; a form that would grow without end stops at a partial."""
    derivation = Network.read("-".join([str(width)] * 400)).derive()
    step = derivation["w_11^1"]
    assert "∂loss/∂z_1^1 · x_0" in step.text()
    assert len(step.text(depth="expanded")) < 100_000
    assert derivation.show("text", of="W_200").count("=") >= width * width
    assert len(next(paths(derivation, "w_11^1"))) == 2 * 399 + 1
