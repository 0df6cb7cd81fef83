"""Gradient functions as people write them: the same backpropagation in several layouts and styles, mistakes planted.

Written for the tests by hand, not by what is tested: the forward and backward lines of a plain network, one layer after
the other, as text. A mistake is a line that is another one.
"""

import textwrap
from dataclasses import dataclass, field

ACTIVATIONS = {"sigmoid": "1 / (1 + np.exp(-z))", "tanh": "np.tanh(z)", "relu": "np.maximum(0, z)"}
SLOPES = {"sigmoid": "{a} * (1 - {a})", "tanh": "(1 - {a} ** 2)", "relu": "({z} > 0)"}


@dataclass
class Style:
    """How a function is written.

    samples: rows or columns. weights: in_out or out_in. takes: names, flat, pairs, arguments, lists, object.
    returns: dict, tuple, back, pairs, lists, with_loss.
    """

    samples: str = "rows"
    weights: str = "in_out"
    takes: str = "names"
    returns: str = "dict"


@dataclass
class Written:
    """A function: its lines by the name of what they compute, to be replaced."""

    activations: list[str]
    style: Style
    mean: str = ""
    forward: dict[str, str] = field(default_factory=dict)
    backward: dict[str, str] = field(default_factory=dict)
    bias: bool = True

    @property
    def depth(self) -> int:
        return len(self.activations)

    def source(self) -> str:
        names = [name for l in range(1, self.depth + 1) for name in ([f"W{l}", f"b{l}"] if self.bias else [f"W{l}"])]
        weights, biases = [n for n in names if n[0] == "W"], [n for n in names if n[0] == "b"]
        rows = list(zip(weights, biases, strict=self.bias))
        takes = {
            "names": ("params", [f'{n} = params["{n}"]' for n in names]),
            "flat": ("params", [f"{', '.join(names)}{',' if len(names) == 1 else ''} = params"]),
            "pairs": ("params", [f"({w}, {b}) = params[{at}]" for at, (w, b) in enumerate(rows)]),
            "object": ("p", [f"{n} = p.{n}" for n in names]),
            "arguments": (", ".join(names), []),
            "lists": (
                "weights, biases",
                [f"{n} = {'weights' if n[0] == 'W' else 'biases'}[{int(n[1:]) - 1}]" for n in names],
            ),
        }[self.style.takes]
        returns = {
            "dict": "return {" + ", ".join(f'"d{n}": d{n}' for n in names) + "}",
            "tuple": "return " + ", ".join(f"d{n}" for n in names) + ("," if len(names) == 1 else ""),
            "back": "return [" + ", ".join(f"d{n}" for n in reversed(names)) + "]",
            "pairs": "return [" + ", ".join(f"(d{w}, d{b})" for w, b in rows) + "]",
            "lists": f"return [{', '.join(f'd{n}' for n in biases)}], [{', '.join(f'd{n}' for n in weights)}]",
            "with_loss": f"return 0.5 * ((A{self.depth} - Y) ** 2).sum(), {{"
            + ", ".join(f'"{n}": d{n}' for n in names)
            + "}",
        }[self.style.returns]
        lines = [*takes[1], *self.forward.values(), *self.backward.values(), returns]
        functions = [f"def {n}(z):\n    return {t}\n" for n, t in ACTIVATIONS.items()]
        body = textwrap.indent("\n".join(lines), "    ")
        return "import numpy as np\n\n" + "\n".join(functions) + f"\ndef backward(X, Y, {takes[0]}):\n{body}\n"


def written(activations: list[str], style: Style | None = None, *, mean: bool = False, bias: bool = True) -> Written:
    """A right function for a network with these activations, one a layer; half the squared error."""
    style = style or Style()
    rows, in_out = style.samples == "rows", style.weights == "in_out"
    found = Written(activations, style, bias=bias)
    depth = len(activations)
    before = "X"
    if mean:
        found.forward["n"] = f"n = X.shape[{0 if rows else 1}]"
    for l, name in enumerate(activations, start=1):
        w = f"W{l}" if in_out == rows else f"W{l}.T"
        product = f"{before} @ {w}" if rows else f"{w} @ {before}"
        found.forward[f"Z{l}"] = f"Z{l} = {product}" + (f" + b{l}" if bias else "")
        found.forward[f"A{l}"] = f"A{l} = Z{l}" if name == "identity" else f"A{l} = {name}(Z{l})"
        before = f"A{l}"
    for l in range(depth, 0, -1):
        name, last = activations[l - 1], l == depth
        outer = f"(A{l} - Y)" + (" / n" if mean and last else "") if last else f"dA{l}"
        slope = "" if name == "identity" else " * " + SLOPES[name].format(a=f"A{l}", z=f"Z{l}")
        found.backward[f"dZ{l}"] = f"dZ{l} = {outer}{slope}"
        a = f"A{l - 1}" if l > 1 else "X"
        both = (f"{a}.T @ dZ{l}" if in_out else f"dZ{l}.T @ {a}") if rows else (
            f"{a} @ dZ{l}.T" if in_out else f"dZ{l} @ {a}.T")  # fmt: skip
        found.backward[f"dW{l}"] = f"dW{l} = {both}"
        if bias:
            found.backward[f"db{l}"] = (
                f"db{l} = dZ{l}.sum(axis={0 if rows else 1}" + ("" if rows else ", keepdims=True") + ")"
            )
        if l > 1:
            w = f"W{l}.T" if in_out == rows else f"W{l}"
            found.backward[f"dA{l - 1}"] = f"dA{l - 1} = dZ{l} @ {w}" if rows else f"dA{l - 1} = {w} @ dZ{l}"
    return found
