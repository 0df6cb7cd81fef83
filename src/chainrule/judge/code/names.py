"""What people call the quantities of a network in code, and what is meant: `W1`, `dW_2`, `grad_b1`, `params`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chainrule.derive import Derivation
from chainrule.export.pieces import array_name
from chainrule.expr import Ref, Symbol

WORDS: Mapping[str, tuple[str, ...]] = {
    "X": ("x", "xs", "input", "inputs", "data", "features", "xbatch", "xtrain", "a0", "batchx"),
    "true": (
        "y", "ys", "t", "ts", "true", "ytrue", "target", "targets", "label", "labels", "truth", "ybatch", "ytrain", "d",
        "desired", "batchy",
    ),
    "pred": (
        "pred", "ypred", "yhat", "prediction", "predictions", "out", "output", "outputs", "al", "aout", "probs",
        "scores", "logits", "o",
    ),
    "params": (
        "params", "param", "parameters", "p", "theta", "thetas", "weightsandbiases", "model", "net", "network",
        "layers",
    ),
    "weights": ("weights", "ws", "w", "weight", "weightmatrices"),
    "biases": ("biases", "bs", "b", "bias", "biasvectors"),
    "cache": ("cache", "caches", "memory", "store", "values", "forwardcache"),
    "activations": ("activations", "acts", "as", "hs"),
    "zs": ("zs", "preactivations"),
    "count": ("n", "m", "batchsize", "nsamples", "numsamples", "samples", "numexamples", "nexamples"),
    "rate": ("lr", "learningrate", "eta", "alpha", "rate", "stepsize"),
}  # fmt: skip
"""The roles of a function's arguments, and the words for each, in lower case and without `_`."""

_LONG = (("weights", "w"), ("weight", "w"), ("biases", "b"), ("bias", "b"), ("theta", "w"))
_GRADIENT = re.compile(
    r"(?:d(?:loss|cost|l|e|j|c)?d|d|g|grads?|gradients?|nabla|delta|partial)?"
    r"(?P<name>(?:w|b)\d*)(?:grads?|gradients?|bar)?"
)


def spelled(name: str) -> str:
    """Return a name in one spelling.

    Example:
        >>> spelled("W_1"), spelled("weights1"), spelled("Bias_2"), spelled("y_hat")
        ('w1', 'w1', 'b2', 'yhat')
    """
    text = re.sub(r"[_,\s∂∇/]", "", name).lower()
    for long, short in _LONG:
        rest = text.removeprefix(long)
        if rest != text and rest.isdigit():
            return short + rest
    return text


def of_gradient(name: str) -> str:
    """Return what a gradient's name is the gradient of, in one spelling; the name itself where it says nothing.

    Example:
        >>> of_gradient("dW_1"), of_gradient("grad_b2"), of_gradient("dL_dW1"), of_gradient("nabla_w"), of_gradient("x")
        ('w1', 'b2', 'w1', 'w', 'x')
    """
    text = re.sub(r"[_,\s∂∇/]", "", name).lower()
    for long, short in _LONG:
        text = text.replace(long, short)
    match = _GRADIENT.fullmatch(text)
    return match["name"] if match else text


@dataclass(frozen=True)
class Quantities:
    """The arrays of a network by what code calls them.

    Attributes:
        parameters: the names of weights and biases in the network's order: W_1, b_1, W_2, …, and a skip's W_3_1.
        known: for each spelling, the name of the array that it means; parameters, z, a, pred, X and true.
        depth: the number of layers.
    """

    parameters: tuple[str, ...]
    known: Mapping[str, str]
    depth: int

    @classmethod
    def of(cls, derivation: Derivation, depth: int) -> Quantities:
        """Return the quantities of a network's Derivation."""
        source = derivation.source
        parameters = tuple(array_name(Ref(symbol)) for symbol in source.parameters)
        computed: Iterable[Symbol] = (s.target.symbol for s in source.statements if isinstance(s.target, Ref))
        known = {spelled(name): name for name in parameters}
        for symbol in computed:
            if symbol.kind in ("z", "a"):
                known[spelled(array_name(Ref(symbol)))] = array_name(Ref(symbol))
                if symbol.kind == "a":
                    known[f"h{symbol.layer}"] = array_name(Ref(symbol))
        for role in ("X", "true", "pred"):
            known.update(dict.fromkeys(WORDS[role], role))
        known.setdefault(f"a{depth}", "pred")
        known.setdefault(f"z{depth}", "pred")  # a linear output's z and a are one
        return cls(parameters, known, depth)

    @property
    def weights(self) -> tuple[str, ...]:
        """The weight matrices, in order."""
        return tuple(name for name in self.parameters if name.startswith("W"))

    @property
    def biases(self) -> tuple[str, ...]:
        """The biases, in order."""
        return tuple(name for name in self.parameters if name.startswith("b"))

    def parameter(self, name: str, *, from_zero: bool) -> str | None:
        """Return the weight matrix or bias that a spelling means, or None.

        Args:
            name: as `spelled` or `of_gradient` return it.
            from_zero: whether layers count from 0.
        """
        if from_zero and (match := re.fullmatch(r"([wb])(\d)", name)):
            name = f"{match[1]}{int(match[2]) + 1}"
        if name in ("w", "b"):  # without a number, where there is one only
            mine = self.weights if name == "w" else self.biases
            return mine[0] if len(mine) == 1 else None
        found = self.known.get(name)
        return found if found in self.parameters else None


def counts_from_zero(names: Iterable[str]) -> bool:
    """Return whether names such as w0, w1 count layers from 0."""
    return any(name in ("w0", "b0") for name in names)
