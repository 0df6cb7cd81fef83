"""Right functions, as people write them, are right: in every layout, whatever they take and return."""

import itertools

import pytest

from chainrule import Network, check_code
from chainrule.export import export
from judge.code.handwritten import Style, written
from judge.code.here import judged

TAKES = ("names", "flat", "pairs", "arguments", "lists", "object")
RETURNS = ("dict", "tuple", "back", "pairs", "lists", "with_loss")


@pytest.mark.parametrize("style", [*itertools.product(("rows", "columns"), ("in_out", "out_in"))], ids="-".join)
def test_every_layout_and_style(tmp_path, style):
    """Each way to lay out, take and return is understood, and nothing is wrong in it."""
    for number, (takes, returns) in enumerate(itertools.product(TAKES, RETURNS)):
        source = written(["sigmoid", "sigmoid", "identity"], Style(*style, takes, returns)).source()
        report = judged(tmp_path / f"r{number}.py", "2-3-2-1 --bias", source)
        assert not report.wrong, source
        keys = {remark.key for remark in report.reading}
        assert {f"layout.{style[0]}", f"weights.{style[1]}"} <= keys
        assert report.score == 1.0


def test_square_matrices_leave_no_doubt(tmp_path):
    """Where shapes tell nothing, the numbers tell the layout."""
    for number, style in enumerate(itertools.product(("rows", "columns"), ("in_out", "out_in"))):
        source = written(["tanh", "relu", "sigmoid"], Style(*style)).source()
        report = judged(tmp_path / f"s{number}.py", "3-3:tanh-3:relu-3:sigmoid --bias", source)
        assert not report.wrong
        assert {f"layout.{style[0]}", f"weights.{style[1]}"} <= {remark.key for remark in report.reading}


@pytest.mark.parametrize(
    "net",
    [
        "2-3-2-1", "4-3:relu-2:sigmoid --bias --loss bce", "3-4:tanh-3:softmax --loss cross_entropy --bias",
        "3-4:gelu-3 --loss softmax_ce", "3-4:elu-3 --loss softmax_ce_index --bias", "2-3:leaky_relu-2 --loss huber",
        "2-4:softplus-1 --loss mae --bias", "3-5:silu-1 --loss hinge", "2-1", "5-4:tanh-4:sigmoid-4:tanh-2 --bias",
    ],
)  # fmt: skip
def test_what_is_exported_is_right(tmp_path, net):
    """The product's own code for NumPy, judged as anybody's."""
    report = judged(tmp_path / "net.py", net, export(Network.read(net), "numpy"))
    assert not report.wrong, report.mistakes


STYLES = {
    "vectors": """
import numpy as np
def backprop(x, y, weights, biases):
    # Nielsen: one sample, columns as vectors
    activation, activations, zs = x, [x], []
    for w, b in zip(weights, biases):
        z = np.dot(w, activation) + b
        zs.append(z)
        activation = 1.0 / (1.0 + np.exp(-z)) if len(zs) < len(weights) else z
        activations.append(activation)
    nabla_b = [np.zeros(b.shape) for b in biases]
    nabla_w = [np.zeros(w.shape) for w in weights]
    delta = activations[-1] - y
    nabla_b[-1] = delta
    nabla_w[-1] = np.outer(delta, activations[-2])
    for l in range(2, len(weights) + 1):
        a = activations[-l]
        delta = np.dot(weights[-l + 1].T, delta) * a * (1 - a)
        nabla_b[-l] = delta
        nabla_w[-l] = np.outer(delta, activations[-l - 1])
    return (nabla_b, nabla_w)
""",
    "ng": """
import numpy as np
def L_model_backward(X, Y, parameters):
    grads, cache, L = {}, {"A0": X}, len(parameters) // 2
    A = X
    for l in range(1, L + 1):
        Z = parameters["W" + str(l)] @ A + parameters["b" + str(l)]
        A = 1 / (1 + np.exp(-Z)) if l < L else Z
        cache[f"A{l}"] = A
    dZ = cache[f"A{L}"] - Y
    for l in reversed(range(1, L + 1)):
        grads[f"dW{l}"] = np.dot(dZ, cache[f"A{l - 1}"].T)
        grads[f"db{l}"] = np.sum(dZ, axis=1, keepdims=True)
        if l > 1:
            dA = parameters[f"W{l}"].T @ dZ
            dZ = dA * cache[f"A{l - 1}"] * (1 - cache[f"A{l - 1}"])
    return grads
""",
    "cache": """
def backward(X, Y, cache, W1, W2, W3):
    A1, A2, pred = cache["A1"], cache["A2"], cache["pred"]
    d3 = pred - Y
    d2 = d3 @ W3.T * A2 * (1 - A2)
    d1 = d2 @ W2.T * A1 * (1 - A1)
    return X.T @ d1, d1.sum(0), A1.T @ d2, d2.sum(0), A2.T @ d3, d3.sum(0, keepdims=True)
""",
    "loops": """
import math
def grad(X, Y, params):
    names = ["W1", "b1", "W2", "b2", "W3", "b3"]
    W1, b1, W2, b2, W3, b3 = [params[n].tolist() for n in names]
    g = {n: params[n] * 0 for n in names}
    def layer(a, W, b, f):
        return [f(sum(a[j] * W[j][i] for j in range(len(a))) + b[i]) for i in range(len(b))]
    s = lambda z: 1 / (1 + math.exp(-z))
    for x, t in zip(X.tolist(), Y.tolist()):
        a1 = layer(x, W1, b1, s)
        a2 = layer(a1, W2, b2, s)
        p = layer(a2, W3, b3, lambda z: z)
        d3 = [p[0] - t[0]]
        d2 = [d3[0] * W3[i][0] * a2[i] * (1 - a2[i]) for i in range(len(a2))]
        d1 = [sum(d2[k] * W2[i][k] for k in range(len(d2))) * a1[i] * (1 - a1[i]) for i in range(len(a1))]
        for d, a, l in ((d1, x, 1), (d2, a1, 2), (d3, a2, 3)):
            for i, di in enumerate(d):
                g[f"b{l}"][i] += di
                for j, aj in enumerate(a):
                    g[f"W{l}"][j, i] += di * aj
    return g
""",
    "keyword": """
def gradients(X, *, y, theta, lr=0.1, verbose=False):
    import numpy as np
    s = lambda z: 1 / (1 + np.exp(-z))
    a1 = s(X @ theta["W_1"] + theta["b_1"])
    a2 = s(a1 @ theta["W_2"] + theta["b_2"])
    d3 = a2 @ theta["W_3"] + theta["b_3"] - y
    d2 = d3 @ theta["W_3"].T * a2 * (1 - a2)
    d1 = d2 @ theta["W_2"].T * a1 * (1 - a1)
    return {"grad_W1": X.T @ d1, "grad_W2": a1.T @ d2, "grad_W3": a2.T @ d3,
            "grad_b1": d1.sum(0), "grad_b2": d2.sum(0), "grad_b3": d3.sum(0), "loss": 1.0}
""",
}


@pytest.mark.parametrize("name", STYLES)
def test_code_as_it_is_found(tmp_path, name):
    """Nielsen's and Ng's backpropagation, a cache, loops over plain lists, arguments by keyword."""
    report = judged(tmp_path / "b.py", "2-3-2-1 --bias", STYLES[name])
    assert not report.wrong, report.mistakes


def test_classes_count_from_zero_or_are_rows(tmp_path):
    """A loss by class index is met by indices from 0, from 1, and by one-hot rows."""
    source = """
import numpy as np
def backward(X, y, W1, b1):
    z = X @ W1 + b1
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    n = len(X)
    TARGET
    return X.T @ p / n, p.sum(axis=0) / n
"""
    for number, (target, key) in enumerate((
        ("p[np.arange(n), y] -= 1", "targets.from_zero"), ("p[np.arange(n), y - 1] -= 1", None),
        ("p -= y", "targets.one_hot"),
    )):  # fmt: skip
        report = judged(
            tmp_path / f"c{number}.py", "3-4 --bias --loss softmax_ce_index", source.replace("TARGET", target)
        )
        assert not report.wrong, target
        assert key is None or key in {remark.key for remark in report.reading}


TORCH = """
import torch

def backward(X, Y, params):
    W1, b1, W2, b2 = (params[k] for k in ("W1", "b1", "W2", "b2"))
    assert X.dtype == torch.float64
    a = torch.tanh(X @ W1.T + b1)
    d2 = 2 * (a @ W2.T + b2 - Y) / Y.numel()
    d1 = (d2 @ W2) * (1 - a ** 2)
    return {"W1": d1.T @ X, "b1": d1.sum(0), "W2": d2.T @ a, "b2": d2.sum(0)}
"""


def test_pytorch_in_a_process(tmp_path):
    """Tensors go in and come out; a mistake among them is named all the same."""
    path = tmp_path / "torched.py"
    path.write_text(TORCH, encoding="utf-8")
    report = check_code(path, "2-3:tanh-2 --bias --loss mse")
    assert not report.wrong
    assert {"tensors", "weights.out_in"} <= {remark.key for remark in report.reading}
    path.write_text(TORCH.replace(" / Y.numel()", " / len(Y)"), encoding="utf-8")
    (mistake,) = check_code(path, "2-3:tanh-2 --bias --loss mse").mistakes
    assert (mistake.kind, mistake.statement, mistake.message.facts["factor"]) == ("extra_factor", "dpred", "2")


def test_autograd_and_float32(tmp_path):
    """Gradients of autograd, in float32, are right as far as that goes, and it is said."""
    path = tmp_path / "auto.py"
    path.write_text(
        """
import torch
def grads(X, Y, params):
    own = {k: v.float().requires_grad_() for k, v in params.items()}
    a = torch.sigmoid(X.float() @ own["W1"] + own["b1"])
    loss = ((a @ own["W2"] + own["b2"] - Y.float()) ** 2).sum() / 2
    loss.backward()
    return loss, {k: v.grad for k, v in own.items()}
""",
        encoding="utf-8",
    )
    report = check_code(path, "2-3-1 --bias")
    assert not report.wrong
    assert "note.single" in {note.key for note in report.notes}


def test_lists_of_activations_are_given(tmp_path):
    """What the forward computation gave, as lists: from the inputs to the outputs, and every z."""
    source = """
def backward(Y, activations, zs, weights):
    X, A1, pred = activations
    assert len(zs) == 2 and zs[1].shape == pred.shape
    d = pred - Y
    d1 = d @ weights[1].T * A1 * (1 - A1)
    return [X.T @ d1, A1.T @ d]
"""
    assert not judged(tmp_path / "a.py", "2-3-2", source).wrong
    assert not judged(
        tmp_path / "b.py", "2-3-2:sigmoid", source.replace("pred - Y", "(pred - Y) * pred * (1 - pred)")
    ).wrong
