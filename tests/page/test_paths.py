"""The paths that the page walks: as many as there are, and their products add up to the derivative."""

import pytest

import oracle
from chainrule import Network
from chainrule.page import bundle, emit
from page.node import run


def walked(folder, nets, names=None):
    """Return what the page's modules find of networks: for each, what it finds of each name."""
    cases = []
    for net in nets:
        values = net.values()
        wanted = names or [name for name in values.partials if name != "loss"]
        cases.append({"text": emit(net), "bundle": bundle(net, values=values), "names": wanted})
    return run("walk_paths.mjs", folder, cases)


@pytest.mark.parametrize(
    ("text", "name", "count"),
    [
        ("2-3-2-1", "w_11^1", 2), ("2-3-2-1", "x_0", 6), ("2-3-2-1", "w_12^3", 1), ("2-3-2-1 --bias", "b_1^2", 1),
        ("2-100-50-1", "x_0", 5000), ("2-100-50-1", "w_17,41^2", 1), ("2-3:softmax --loss ce", "w_12^1", 3),
        ("2-3-3:softmax --loss ce", "w_12^1", 9), ("2-3-3:softmax --loss ce", "x_0", 27),
        ("2-4-3 --loss softmax_ce_index", "w_11^1", 3), ("1-1", "loss", 1),
    ],
)  # fmt: skip
def test_paths_are_counted(tmp_path, text, name, count):
    """Without being written; through every unit of a softmax too."""
    [[found]] = walked(tmp_path, [Network.read(text)], [name])
    assert found["count"] == count


def test_paths_add_up_to_the_derivative(tmp_path):
    """The chain rule: in random networks with missing edges, skips, ties, early outputs, every activation and loss."""
    pairs = [(a, l) for a in oracle.HIDDEN for l in oracle.LOSSES]
    nets = [oracle.random_network(seed, activation=a, loss=l) for seed, (a, l) in enumerate(pairs[::11])]
    nets += [Network.read("3-4:tanh-3:softmax --loss ce --bias")]
    checked = 0
    for net, found in zip(nets, walked(tmp_path, nets), strict=True):
        for one in found:
            assert one["walked"] == one["count"] > 0, (net, one["name"])
            assert one["sum"] == pytest.approx(one["partial"], rel=1e-9, abs=1e-12), (net, one["name"])
            assert "loss" in one["reached"]
            checked += 1
    assert checked > 300
