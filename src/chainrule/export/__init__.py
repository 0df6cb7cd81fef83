"""A network and its gradients as code that somebody else runs: NumPy, PyTorch, JAX, C.

dialects.py   how each library writes the elementary functions
pieces.py     a piece of code with its axes; names of arrays
code.py       index notation → array code
lines.py      a Derivation → lines, each under its line of the derivation
modules.py    the modules around them
c.py          C: the source that `native` runs, or C99 for microcontrollers

Nothing is differentiated here: each line is a statement of the Derivation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.errors import SelectionError

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.train.model import Model

ARRAY_FORMS = ("numpy", "torch", "jax")
"""The forms that are Python."""

C_FORMS = ("c", "c-embedded")
"""The forms that are C."""

FORMS = (*ARRAY_FORMS, *C_FORMS)
"""What a network can be exported to."""


def export(net: Network | Model, form: str, **options: str) -> str:
    """Return code that computes a network's outputs, its loss and every gradient.

    Args:
        net: the network; for `c-embedded`, a trained model too: its weights and its standardisation go with it.
        form: `numpy`: functions on arrays; `torch`: a `torch.autograd.Function`; `jax`: a `jax.custom_vjp`; `c`: the C
            source that `chainrule.native` compiles and runs on this machine, training loop included; `c-embedded`: C99
            for microcontrollers, with a training step.
        options: of C: `dtype`, `float32` (the default) or `float64`; `optimizer`, whose step it trains with, a name
            of `chainrule.native.OPTIMIZERS` (`sgd` by default).

    Raises:
        SelectionError: where a model is to become a form that holds no numbers.

    Example:
        >>> from chainrule import Network
        >>> text = export(Network.read("2-3-1"), "numpy")
        >>> [line.strip() for line in text.splitlines() if line.strip().startswith("dW_1")]
        ['dW_1 = X.T @ dZ_1']
    """
    from chainrule.export.c import write_c, write_embedded
    from chainrule.export.lines import lines_of
    from chainrule.export.modules import WRITERS
    from chainrule.network import Network

    if form == "c-embedded":
        return write_embedded(net, **options)
    if not isinstance(net, Network):
        raise SelectionError("no_numbers_in_form", read=form)
    if form == "c":
        return write_c(net, **options)

    lines = lines_of(net.derive(samples=None), form)
    return WRITERS[form](lines, f"{title_of(net)}: outputs, loss and gradients, as chainrule derives them.")


def title_of(net: Network) -> str:
    """Return what a network is called in code: its name, or its sizes."""
    return net.name or "The network " + "-".join(str(net.size(level)) for level in range(net.depth + 1))
