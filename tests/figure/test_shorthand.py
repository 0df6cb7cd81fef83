"""The shorthand: what it says, what it refuses, and the way back."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import Activation, ChainruleError, Layer, Loss, Network, NetworkError, Problems
from chainrule.figure import read
from chainrule.rules import ACTIVATIONS, LOSSES
from strategies import networks


def refusal(text: str, **options: object) -> ChainruleError:
    with pytest.raises(ChainruleError) as caught:
        read(text, **options)  # type: ignore[arg-type]
    return caught.value


def marked(error: ChainruleError) -> str:
    """Return the piece of text that an error points at."""
    place = error.place
    assert place is not None
    assert place.text is not None
    assert place.column is not None
    return place.text[place.column : place.end]


def test_the_defaults_are_the_seed_s():
    net = read("2-3-2-1")
    sigmoid, identity = (Activation("sigmoid"),), (Activation("identity"),)
    assert net == Network(2, (Layer(3, sigmoid), Layer(2, sigmoid), Layer(1, identity)))
    assert net.loss == Loss("half_squared_error", None, "sum", "sum")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2-3:tanh-2:relu-1", "2-3:tanh-2:relu-1"),
        ("2-3-1:sigmoid", "2-3-1:sigmoid"),
        ("2 - 3 : Tanh - 1", "2-3:tanh-1"),
        ("2–3—1", "2-3-1"),
        ("002-03-1", "2-3-1"),
        ("2-3:LeakyReLU(0.1)-1", "2-3:leaky_relu(0.1)-1"),
        ("2-3:leaky-relu(1e-3)-1", "2-3:leaky_relu(0.001)-1"),
        ("2-3:elu-1:Linear", "2-3:elu-1"),
        ("2-3:swish-1", "2-3:silu-1"),
        ("2-3-1 --bias", "2-3-1 --bias"),
        ("2-3-1--bias", "2-3-1 --bias"),
        ("2-3-1 —bias –loss mse", "2-3-1 --bias --loss mse"),
        ("2-3-1 --loss=MSE", "2-3-1 --loss mse"),
        ("2-3-1 --loss mse --reduction mean", "2-3-1 --loss mse"),
        ("2-3-1 --loss mse --reduction sum", "2-3-1 --loss mse --reduction sum"),
        ("2-3-1 --reduction samples=mean", "2-3-1 --reduction batchmean"),
        ("2-3-1 --reduction outputs=mean,samples=sum", "2-3-1 --reduction samples=sum,outputs=mean"),
        ("2-3-1 --loss huber(0.5)", "2-3-1 --loss huber(0.5)"),
        ("2-3-3:softmax --loss CE --reduction mean", "2-3-3:softmax --loss cross_entropy"),
        ("2-3-1 --hidden tanh", "2-3:tanh-1"),
        ("2-3-3-3-1 --hidden tanh", "2-3-3-3-1 --hidden tanh"),
        ("2-3-3:relu-3-1 --hidden tanh --output sigmoid", "2-3:tanh-3:relu-3:tanh-1:sigmoid"),
    ],
)
def test_generous_spellings_have_one_canonical_form(text, canonical):
    net = read(text)
    assert net.to_shorthand() == canonical
    assert read(canonical) == net


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_and_its_aliases_are_understood(name):
    row = ACTIVATIONS[name]
    for word in (name, name.upper(), name.replace("_", "-"), *row.aliases):
        assert read(f"2-3-2:{word}").layers[-1].activations == (Activation(name),)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_brings_its_usual_reduction(name):
    row = LOSSES[name]
    for word in (name, name.upper(), *row.aliases):
        assert read(f"2-3-2 --loss {word}").loss == Loss(name, None, *row.reduction)


def test_options_from_outside_replace_or_fill_in_what_the_text_says():
    net = read("2-3:relu-4-1 --loss mse --reduction sum", hidden="tanh", output="sigmoid", bias=True, loss="huber")
    assert [layer.activations[0].name for layer in net.layers] == ["relu", "tanh", "sigmoid"]
    assert net.loss == Loss("huber", None, "mean", "mean")
    assert all(layer.bias == (True,) for layer in net.layers)
    assert read("2-1 --bias", bias=False) == read("2-1")


@pytest.mark.parametrize(
    ("text", "key", "at", "fix"),
    [
        ("2-3:sgimoid-1", "unknown_activation", "sgimoid", "'sigmoid'"),
        ("2-3:tanh(-1", "malformed_activation", "tanh(-1", "leaky_relu(0.1)"),
        ("2-3:-1", "malformed_activation", "-", "tanh"),
        ("2-3:tanh(3)-1", "no_parameter", "tanh(3)", "tanh alone"),
        ("2-3:elu(-1)-1", "bad_parameter", "elu(-1)", "1.0"),
        ("2-3:elu(x)-1", "malformed_parameter", "elu(x)", "elu(1.0)"),
        ("2-3:softmax-1", "softmax_place", "softmax", "another activation"),
        ("2:relu-3-1", "input_activation", "relu", "leave 'relu' out"),
        ("2-tanh-1", "malformed_size", "tanh", "'3:tanh'"),
        ("2x3x1", "malformed_size", "2x3x1", "'2-3-1'"),
        ("2-3.5-1", "malformed_size", "3.5", "'3-5'"),
        ("2-3-", "malformed_size", "", "'3'"),
        ("2--3", "malformed_size", "-", "'3'"),
        ("2-3:tanh 4-1", "malformed_activation", "tanh 4", "tanh"),
        ("2-3 4-1", "stray_text", "4", "leave '4' out"),
        ("2-0-1", "empty_layer", "0", "1 or more"),
        ("2-1000000000-1", "huge_layer", "1000000000", "smaller"),
        ("5", "one_layer", "5", "5-1"),
        ("", "empty_shorthand", "", "2-3-1"),
        ("--bias", "empty_shorthand", "-", "2-3-1"),
        ("2-3-1 --los mse", "unknown_option", "--los", "--loss"),
        ("2-3-1 --loss", "option_without_value", "--loss", "value"),
        ("2-3-1 --bias 3", "stray_text", "3", "leave '3' out"),
        ("2-3-1 --bias --bias", "option_twice", "--bias", "leave one out"),
        ("2-3-1 --loss msse", "unknown_loss", "msse", "'mse'"),
        ("2-3-1 --loss (1)", "malformed_loss", "(1)", "huber(0.5)"),
        ("2-3-1 --loss huber(nan)", "malformed_parameter", "huber(nan)", "huber(1.0)"),
        ("2-3-1 --loss huber(0)", "bad_parameter", "huber(0)", "1.0"),
        ("2-3-1 --loss ce", "one_class", "ce", "2 units"),
        ("2-3-2 --loss ce --reduction outputs=mean", "vector_loss_outputs", "ce", "outputs=sum"),
        ("2-3-1 --reduction avg", "malformed_reduction", "avg", "'mean'"),
        ("2-3-1 --reduction samples=mean,samples=sum", "malformed_reduction", "samples=mean,samples=sum", "'mean'"),
    ],
)
def test_what_cannot_be_read_is_pointed_at_with_the_smallest_fix(text, key, at, fix):
    error = refusal(text)
    assert isinstance(error, NetworkError), str(error)
    assert error.key == key
    assert marked(error) == at
    assert f"fix: {error.message().rpartition('fix: ')[2]}".find(fix) > 0


def test_an_error_is_a_sentence_a_caret_what_was_expected_and_a_fix():
    assert str(refusal("2-3:sgimoid-1")) == (
        "shorthand: layer 1: there is no activation called 'sgimoid'\n"
        "  2-3:sgimoid-1\n"
        "      ^^^^^^^\n"
        f"  expected: one of {', '.join(ACTIVATIONS)}\n"
        "  fix: if that is what is meant, write 'sigmoid'"
    )


def test_errors_speak_korean_too():
    assert refusal("2-0-1").message(lang="ko").splitlines()[0] == "shorthand: 1층의 유닛 수: 0"


def test_all_problems_are_collected_from_left_to_right():
    error = refusal("2-3:foo-0-1 --los mse --reduction avg")
    assert isinstance(error, Problems)
    assert [problem.key for problem in error.problems] == [
        "unknown_activation", "empty_layer", "unknown_option", "malformed_reduction",
    ]  # fmt: skip


def test_an_option_of_the_command_line_is_pointed_at_there():
    error = refusal("2-3-1", loss="msse")
    assert (error.place.source, marked(error)) == ("--loss", "msse")


@pytest.mark.parametrize(
    "text",
    [
        "9" * 5000, "2-" + "9" * 5000 + "-1", "2-3:elu(" + "9" * 5000 + ")-1", "9" * 10_000_000, "x" * 10_000_000,
        "2-" * 5_000_000 + "1", "2-3:" + "(" * 100_000, "\0", "\x1b[31m2-3", "\udc80\udcff-3-1", "2-" * 10_001 + "1",
        "2-3-1 --" + "loss" * 100_000, "²-³", "２-３", "--" * 1000, ":" * 1000, "2\n\n-\n0-1", "🧠", "__import__('os')",
    ],
    ids=range(19),
)  # fmt: skip
def test_garbage_of_any_size_gets_a_short_error_that_a_terminal_can_show(text):
    message = str(refusal(text))
    assert len(message) < 50_000
    assert message.encode()
    assert message.replace("\n", "").isprintable()


@given(st.text(max_size=30) | st.text("0123456789-:()., \n", max_size=20))
def test_any_text_is_a_network_or_a_clear_error(text):
    try:
        net = read(text)
    except ChainruleError as error:
        messages = [error.message(lang=lang) for lang in ("en", "ko")]
        assert all(messages)
    else:
        assert read(net.to_shorthand()) == net


@given(networks(skips=False, missing=False, ties=False, per_unit=False, outputs=False, sensible=False))
def test_the_way_back_is_lossless(net):
    bias = net.layers[0].bias
    net = net.replace(layers=tuple(dataclasses.replace(layer, bias=bias) for layer in net.layers))
    assert read(net.to_shorthand()) == net


@pytest.mark.parametrize(
    ("toml", "part"),
    [
        ('layers = "2-3-1"\nname = "n"', "name"),
        ('layers = "2-3-1"\ninputs = ["a", "b"]', "names"),
        ('inputs = 2\n[[layer]]\nsize = 2\nactivation = ["tanh", "relu"]\n[[layer]]\nsize = 1', "activation"),
        ("inputs = 2\n[[layer]]\nsize = 2\nbias = true\n[[layer]]\nsize = 1", "bias"),
        ('layers = "2-3-1"\n[[skip]]\nfrom = 0\nto = 2', "skip"),
        ('layers = "2-3-1"\nmissing = ["w_11^1"]', "missing"),
        ('layers = "2-3-1"\ntied = [["w_11^1", "w_12^1"]]', "tied"),
        ('layers = "2-3-1"\noutputs = ["a_1^1", "a_1^2"]', "outputs"),
        ('layers = "2-1"\n[weights]\nW_1 = [[1], [2]]', "weights, biases, sample"),
    ],
)
def test_what_the_shorthand_cannot_say_is_named_by_its_word_in_toml(toml, part):
    with pytest.raises(NetworkError) as caught:
        Network.from_toml(toml).to_shorthand()
    assert caught.value.key == "no_shorthand"
    assert caught.value.facts["part"] == part


def test_big_networks_are_only_their_sizes():
    assert read("784-1000-1000-10").weight_count == 1_794_000
    assert read("2-100-50-1").weight_count == 5_250
    assert read("10000000-10000000-1").weight_count == 10**14 + 10**7
    assert read("-".join(["2"] * 10_001)).depth == 10_000
