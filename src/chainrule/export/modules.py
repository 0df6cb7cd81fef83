"""The modules around the lines: functions for NumPy, an autograd function for PyTorch, a custom VJP for JAX."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence

from chainrule.export.lines import Line, Lines

_COUNT = re.compile(r"\bN\b")


def write_numpy(lines: Lines, title: str) -> str:
    """Return a module of NumPy functions: `predict` and `loss_and_gradients`."""
    made = list(dict.fromkeys(line.name for line in lines.forward))
    returned = ", ".join(made)
    gradients = _dictionary((name, f"d{name}") for name, _ in lines.parameters)
    body = [
        _unpacked(lines), f"{returned} = forward(parameters, X)", *_rows(lines.loss),
        *_rows(line for line in lines.backward if line.name != "dX"), f"return loss, {gradients}",
    ]  # fmt: skip
    return _module(lines, title, [
        _function("forward(parameters, X)", "Return what is computed on the way to the outputs, and the outputs.",
                  [_unpacked(lines), *_rows(lines.forward), f"return {returned}"]),
        _function("predict(parameters, X)", "Return the outputs, a row for each sample of X.",
                  [f"return forward(parameters, X){'[-1]' if len(made) > 1 else ''}"]),
        _function("loss_and_gradients(parameters, X, true)",
                  "Return the loss and ∂loss/∂W of every parameter, by its name.", body),
    ])  # fmt: skip


def write_torch(lines: Lines, title: str) -> str:
    """Return a module with a `torch.autograd.Function`, and the function `loss` that applies it."""
    names = [name for name, _ in lines.parameters]
    saved = list(dict.fromkeys(["X", "true", *names, *(line.name for line in lines.forward)]))
    forward = [
        "X, true, " + ", ".join(names) + " = tensors", *_rows(lines.forward), *_rows(lines.loss),
        f"context.save_for_backward({', '.join(saved)})", "return loss",
    ]  # fmt: skip
    backward = [
        f"{', '.join(saved)} = context.saved_tensors", *_rows(lines.backward),
        f"gradients = dX, None, {', '.join(f'd{name}' for name in names)}",
        "return tuple(None if one is None else gradient * one for one in gradients)",
    ]  # fmt: skip
    function = "\n\n".join([
        ('class Loss(torch.autograd.Function):\n'
        '    """The loss as one function, whose gradients are those of the derivation."""'),
        textwrap.indent("@staticmethod\n" + _function(
            "forward(context, *tensors)", "Return the loss of X, true and the parameters, in this order.", forward
        ), "    "),
        textwrap.indent("@staticmethod\n@torch.autograd.function.once_differentiable\n" + _function(
            "backward(context, gradient)", "Return the gradients by X and the parameters; true has none.", backward
        ), "    "),
    ])  # fmt: skip
    apply = _function(
        "loss(parameters, X, true)", "Return the loss; `backward()` on it gives every parameter its gradient.",
        ["return Loss.apply(X, true, *(parameters[name] for name in PARAMETERS))"],
    )  # fmt: skip
    return _module(lines, title, [_predict(lines), function, apply])


def write_jax(lines: Lines, title: str) -> str:
    """Return a module with a `jax.custom_vjp`: `jax.grad(loss)` computes the derivation's lines."""
    made = list(dict.fromkeys(line.name for line in lines.forward))
    kept = ", ".join(made)
    forward = [_unpacked(lines), *_rows(lines.forward), *_rows(lines.loss)]
    gradients = _dictionary((name, f"d{name}") for name, _ in lines.parameters)
    backward = [
        f"parameters, X, true, {kept} = kept", _unpacked(lines), *_rows(lines.backward),
        f"gradients = {gradients}",
        "return {name: gradient * one for name, one in gradients.items()}, gradient * dX, None",
    ]  # fmt: skip
    return _module(lines, title, [
        _predict(lines),
        "@jax.custom_vjp\n"
        + _function("loss(parameters, X, true)", "Return the loss.", ["return _forward(parameters, X, true)[0]"]),
        _function("_forward(parameters, X, true)", "Return the loss, and what its gradients need.",
                  [*forward, f"return loss, (parameters, X, true, {kept})"]),
        _function("_backward(kept, gradient)", "Return the gradients by the parameters and X; true has none.",
                  backward),
        "loss.defvjp(_forward, _backward)",
    ])  # fmt: skip


WRITERS: dict[str, Callable[[Lines, str], str]] = {"numpy": write_numpy, "torch": write_torch, "jax": write_jax}
"""The modules by the form's name."""


def _predict(lines: Lines) -> str:
    rows = [_unpacked(lines), *_rows(lines.forward), "return pred"]
    return _function("predict(parameters, X)", "Return the outputs, a row for each sample of X.", rows)


def _module(lines: Lines, title: str, parts: Sequence[str]) -> str:
    """Return a whole module: what it is, its imports, shapes, constants, helpers, and its functions."""
    true = "class numbers from 1, shape (N,)" if lines.class_index else f"shape (N, {lines.outputs})"
    code = "\n\n\n".join([*lines.helpers, *parts])
    imports = ("import math\n\n" if "math." in code else "") + lines.dialect.imports
    shapes = "\n".join(f"    {name!r}: {shape}," for name, shape in lines.parameters)
    head = [
        (f'"""{title}\n\n'
        f'X: shape (N, {lines.inputs}), a row for each sample. true: {true}. Weights have shape (in, out).\n"""'),
        imports, f"PARAMETERS = {{\n{shapes}\n}}".replace("'", '"'),
    ]  # fmt: skip
    if lines.constants:
        head.append("\n".join(lines.constants))
    return "\n\n".join(head) + "\n\n\n" + code + "\n"


def _function(signature: str, says: str, rows: Iterable[str]) -> str:
    return f'def {signature}:\n    """{says}"""\n' + textwrap.indent("\n".join(_counted(rows)), "    ")


def _rows(lines: Iterable[Line]) -> list[str]:
    return [row for line in lines for row in line.rows]


def _unpacked(lines: Lines) -> str:
    names = [name for name, _ in lines.parameters]
    return f"{', '.join(names)}{',' if len(names) == 1 else ''} = (parameters[name] for name in PARAMETERS)"


def _counted(rows: Iterable[str]) -> list[str]:
    """Return rows with N, the number of samples, where one of them needs it."""
    found = [row for row in rows if row]
    needs = any(_COUNT.search(row) for row in found if not row.startswith("#"))
    return [*found[:1], "N = len(X)", *found[1:]] if needs else found


def _dictionary(pairs: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f'"{name}": {value}' for name, value in pairs) + "}"
