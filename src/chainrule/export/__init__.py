"""A network and its gradients as code that somebody else runs: NumPy, PyTorch, JAX.

dialects.py   how each library writes the elementary functions
pieces.py     a piece of code with its axes; names of arrays
code.py       index notation → array code
lines.py      a Derivation → lines, each under its line of the derivation
modules.py    the modules around them

Nothing is differentiated here: each line is a statement of the Derivation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.network import Network

FORMS = ("numpy", "torch", "jax")
"""What a network can be exported to."""


def export(net: Network, form: str) -> str:
    """Return a Python module that computes a network's outputs, its loss and every gradient.

    Args:
        net: the network.
        form: `numpy`: functions on arrays; `torch`: a `torch.autograd.Function`; `jax`: a `jax.custom_vjp`.

    Example:
        >>> from chainrule import Network
        >>> text = export(Network.read("2-3-1"), "numpy")
        >>> [line.strip() for line in text.splitlines() if line.strip().startswith("dW_1")]
        ['dW_1 = X.T @ dZ_1']
    """
    from chainrule.export.lines import lines_of
    from chainrule.export.modules import WRITERS

    lines = lines_of(net.derive(samples=None), form)
    return WRITERS[form](lines, f"{title_of(net)}: outputs, loss and gradients, as chainrule derives them.")


def title_of(net: Network) -> str:
    """Return what a network is called in code: its name, or its sizes."""
    return net.name or "The network " + "-".join(str(net.size(level)) for level in range(net.depth + 1))
