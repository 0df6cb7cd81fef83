"""Choices: what there is, what is refused, and the rates that schedules give."""

import numpy as np
import pytest

from chainrule import ChainruleError, Network, Problems, SelectionError
from chainrule.train.initial import initial_weights
from chainrule.train.settings import INITIALS, Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0), ("epochs", 2.5), ("epochs", True), ("batch_size", -1), ("rate", 0), ("rate", float("nan")),
        ("rate", float("inf")), ("momentum", 1), ("validation", 1), ("validation", -0.1), ("weight_decay", -1),
        ("optimizer", "adamm"), ("schedule", "cosin"), ("initial", "he"), ("dtype", "float16"), ("patience", 0),
        ("step_factor", 0), ("seed", -1), ("rate_end", 2), ("beta2", 1.0), ("threads", -1), ("warmup", "3"),
    ],
)  # fmt: skip
def test_what_is_out_of_range_is_refused(name, value):
    """With the name and the range, in both languages."""
    with pytest.raises(SelectionError) as caught:
        Settings.of(**{name: value})
    assert name in caught.value.message() and name in caught.value.message(lang="ko")


def test_unknown_names_and_several_problems():
    """A misspelt choice names the one that is meant; problems come together."""
    with pytest.raises(SelectionError, match="write batch_size"):
        Settings.of(batchsize=3)
    with pytest.raises(Problems) as caught:
        Settings.of(epochs=0, optimizer="x")
    assert len(caught.value.problems) == 2
    assert isinstance(caught.value, ChainruleError)


def rates(**choices):
    settings = Settings.of(**choices)
    return [rate for epoch in range(settings.epochs) for rate in settings.rates_of(epoch, steps=2)]


def test_schedules():
    """Constant, step, cosine and warm-up, step by step."""
    assert rates(epochs=2, rate=0.5) == [0.5] * 4
    assert rates(epochs=4, rate=1.0, schedule="step", step_epochs=2, step_factor=0.5) == [1.0] * 4 + [0.5] * 4
    cosine = rates(epochs=5, rate=1.0, schedule="cosine", rate_end=0.1)[::2]
    assert cosine == pytest.approx([0.1 + 0.45 * (1 + np.cos(np.pi * k / 4)) for k in range(5)])
    assert rates(epochs=3, rate=1.0, warmup=2) == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("initial", "variance"),
    [
        ("glorot_uniform", 2 / 700), ("glorot_normal", 2 / 700), ("he_uniform", 2 / 400), ("he_normal", 2 / 400),
        ("lecun_uniform", 1 / 400), ("lecun_normal", 1 / 400), ("pytorch", 1 / 1200),
    ],
)  # fmt: skip
def test_initialisations_have_their_variance(initial, variance):
    """Scaled by how many units lead in and out, as their papers say."""
    drawn = initial_weights(Network.read("400-300:relu-1 --bias"), initial=initial, seed=4)["W_1"]
    assert drawn.var() == pytest.approx(variance, rel=0.03)
    assert abs(drawn.mean()) < 4 * np.sqrt(variance / drawn.size)
    if "uniform" in initial:
        assert abs(drawn).max() <= np.sqrt(3 * variance)


def test_what_is_given_stays():
    """Numbers on the sheet and given ones are where training starts; missing edges stay 0, tied weights equal."""
    net = Network.from_toml(
        'inputs = ["x1", "x2"]\noutputs = ["y"]\n[[neuron]]\nname = "h1"\nfrom = ["x1"]\n'
        '[[neuron]]\nname = "h2"\nfrom = ["x1", "x2"]\n[[neuron]]\nname = "y"\nfrom = ["h1", "h2"]\n'
    )
    start = initial_weights(net, initial="he_normal", seed=0, weights={"w_11^2": 0.25})
    assert start["W_1"][1, 0] == 0 and start["W_1"][0, 0] != 0
    assert start["W_2"][0, 0] == 0.25
    for name in INITIALS:
        again = initial_weights(net, initial=name, seed=0)
        assert all(np.array_equal(again[key], initial_weights(net, initial=name, seed=0)[key]) for key in again)
    assert not np.array_equal(start["W_1"], initial_weights(net, initial="he_normal", seed=1)["W_1"])
