r"""What notebooks show: Jupyter, Colab, Quarto and marimo ask an object for its forms, and take the richest they know.

Displays stand in `$$ … $$` only: Colab shows `\[ … \]` as source, and Quarto fails on `\( … \)`. Nothing here imports
IPython, so the objects are the same outside a notebook. Where a form takes an option, this module takes the default: a
person who wants another one calls the form itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.show.compose import compose, compose_line
from chainrule.show.emit import Emitter, emit
from chainrule.show.latex import LatexEmitter
from chainrule.show.markdown import MarkdownEmitter
from chainrule.show.text import TextEmitter

if TYPE_CHECKING:
    from chainrule.derive import Derivation
    from chainrule.matrix import MatrixStep
    from chainrule.network import Network
    from chainrule.views import Step


def derivation_bundle(derivation: Derivation) -> dict[str, str]:
    """Return a derivation by MIME type; long families are elided as in a textbook.

    Example:
        >>> from chainrule import Network
        >>> sorted(derivation_bundle(Network.read("2-1").derive()))
        ['text/latex', 'text/markdown', 'text/plain']
    """
    return {
        "text/plain": _written(TextEmitter(compose(derivation))),
        "text/markdown": _written(MarkdownEmitter(compose(derivation))),
        "text/latex": _written(LatexEmitter(compose(derivation), whole=False, dollars=True)),
    }


def step_bundle(step: Step | MatrixStep) -> dict[str, str]:
    """Return one line by MIME type.

    Example:
        >>> from chainrule import Network
        >>> print(step_bundle(Network.read("1-1").derive()["w_11^1"])["text/plain"])
        ∂loss/∂w_11^1 = ∂loss/∂pred · ∂pred/∂w_11^1 = (pred − true) · x_0
    """
    return {
        "text/plain": _written(TextEmitter(compose_line(step))),
        "text/markdown": _written(MarkdownEmitter(compose_line(step))),
        "text/latex": _written(LatexEmitter(compose_line(step), whole=False, dollars=True)),
    }


def network_svg(net: Network) -> str:
    """Return the drawing of a network as SVG."""
    from chainrule.show.drawing import draw

    found = draw(net)
    assert isinstance(found, str)
    return found


def _written(emitter: Emitter) -> str:
    return "".join(emit(emitter)).strip()
