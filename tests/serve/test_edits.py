"""Changes of a figure: whatever is done, what stays is what it was, and what cannot be done is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import ChainruleError, Network
from chainrule.serve.edits import CHANGES, FIELDS, edited
from chainrule.serve.numbers import NAMES, numbers_of, with_numbers
from chainrule.serve.requests import Fields
from strategies import networks


def change(net, **fields):
    return edited(net, Fields(fields, FIELDS))


def numbered(net):
    """A network with a number of its own for every weight and bias."""
    size = len(numbers_of(net)["p"])
    return with_numbers(net, Fields({"p": [float(k) for k in range(1, size + 1)]}, NAMES))


def weights(net):
    return {str(weight): number for weight, number in net.given.weights}


NET = "2-3-2-1 --bias"


@pytest.mark.parametrize(
    ("fields", "shorthand"),
    [
        ({"what": "size", "layer": 1, "size": 5}, "2-5-2-1 --bias"),
        ({"what": "size", "layer": 0, "size": 1}, "1-3-2-1 --bias"),
        ({"what": "size", "layer": 3, "size": 2}, "2-3-2-2 --bias"),
        ({"what": "add_unit", "layer": 2}, "2-3-3-1 --bias"),
        ({"what": "remove_unit", "layer": 1, "unit": 2}, "2-2-2-1 --bias"),
        ({"what": "activation", "layer": 1, "activation": "Leaky-ReLU(0.1)"}, "2-3:leaky_relu(0.1)-2-1 --bias"),
        ({"what": "loss", "loss": "MSE"}, "2-3-2-1 --bias --loss mse"),
        ({"what": "add_layer", "layer": 0}, "2-3-3-2-1 --bias"),
        ({"what": "add_layer", "layer": 2, "size": 7}, "2-3-2-7-1 --bias"),
        ({"what": "remove_layer", "layer": 1}, "2-2-1 --bias"),
        ({"what": "remove_layer", "layer": 3}, "2-3-2 --bias --output sigmoid"),
    ],
)
def test_each_change(fields, shorthand):
    """Leads to the figure that it names."""
    assert change(Network.read(NET), **fields).replace(given=Network.read("1-1").given) == Network.read(shorthand)


def test_single_units():
    """An activation and a bias of one unit alone."""
    net = change(Network.read(NET), what="activation", layer=1, unit=2, activation="tanh")
    assert [str(net.layers[0].activation(unit)) for unit in (1, 2, 3)] == ["sigmoid", "tanh", "sigmoid"]
    net = change(numbered(net), what="bias", layer=1, unit=3, bias="off")
    assert [net.layers[0].has_bias(unit) for unit in (1, 2, 3)] == [True, True, False]
    assert ((1, 3) in dict(net.given.biases), (1, 2) in dict(net.given.biases)) == (False, True)


def test_edges():
    """One taken out, one put back, one past a layer; the numbers of the others stay."""
    net = numbered(Network.read(NET))
    less = change(net, what="remove_edge", weight="w_12^2")
    assert weights(less) == {name: number for name, number in weights(net).items() if name != "w_12^2"}
    back = change(less, what="add_edge", source_layer=1, source=2, target_layer=2, target=1)
    assert back.connections == net.connections
    past = change(net, what="add_edge", source_layer=0, source=1, target_layer=3, target=1)
    assert "w_11^3,0" in {str(weight) for weight in past.weights()} and weights(past) == weights(net)


@pytest.mark.parametrize(
    ("fields", "key"),
    [({"what": "fly"}, "wrong_field"), ({"what": "size", "layer": 9, "size": 1}, "wrong_field"),
     ({"what": "size", "layer": 1, "size": 0}, "wrong_field"),
     ({"what": "size", "layer": 1, "size": 9999}, "wrong_field"),
     ({"what": "remove_unit", "layer": 3, "unit": 1}, "last_unit"),
     ({"what": "remove_edge", "weight": "w_99^1"}, "no_edge"),
     ({"what": "add_edge", "source_layer": 2, "source": 1, "target_layer": 1, "target": 1}, "edge_backward"),
     ({"what": "activation", "layer": 1, "activation": "sigmoit"}, "unknown_activation"),
     ({"what": "loss", "loss": "__import__('os')"}, "unknown_loss"), ({"what": "bias", "layer": 1}, "wrong_field")],
)  # fmt: skip
def test_what_cannot_be_done(fields, key):
    """Is an error of its own."""
    with pytest.raises(ChainruleError) as caught:
        change(Network.read(NET), **fields)
    assert caught.value.key == key
    with pytest.raises(ChainruleError) as caught:
        change(Network.read("2-1"), what="remove_layer", layer=1)
    assert caught.value.key == "last_layer"


@given(networks(), st.data())
def test_any_change_of_any_network(net, data):
    """Gives a network that can be written, read and evaluated, or an error; numbers that stay are the same."""
    level = data.draw(st.integers(0, net.depth))
    unit = data.draw(st.integers(1, net.size(level)))
    some = data.draw(st.sampled_from(sorted(map(str, net.weights()))))
    fields = {
        "what": data.draw(st.sampled_from(sorted(CHANGES))), "layer": level, "unit": unit,
        "size": data.draw(st.integers(1, 4)),
        "activation": "tanh", "bias": data.draw(st.sampled_from(["on", "off"])), "loss": "mse", "weight": some,
        "source_layer": 0, "source": 1, "target_layer": net.depth, "target": 1,
    }  # fmt: skip
    try:
        found = change(numbered(net), **fields)
    except ChainruleError as error:
        refused = error
    else:
        refused = None
    if refused is not None:
        assert refused.message(lang="en") and refused.message(lang="ko")
        return
    assert Network.from_toml(found.to_toml()) == found
    assert numbers_of(found)["p"]
    if fields["what"] in ("activation", "bias", "loss", "add_edge", "add_unit"):
        before = weights(numbered(net))
        assert {name: weights(found)[name] for name in before} == before
