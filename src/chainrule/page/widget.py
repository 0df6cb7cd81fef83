"""The page in a notebook: an anywidget, for JupyterLab, Jupyter Notebook, VS Code, Colab and marimo."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from chainrule.native.layout import layout_of
from chainrule.page.bundle import bundle
from chainrule.page.emit_js import emit
from chainrule.page.modules import as_value, joined, katex_as_value, katex_style, static
from chainrule.values import evaluate

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.values import Values


class Explorer(anywidget.AnyWidget):
    """A network to click and drag in a notebook.

    Attributes:
        weights: the numbers of the weights and biases by name, as `chainrule.values` names and shapes them: `W_1`
            (in, out), `b_1` (units,). What is assigned may leave some out, and may hold NumPy arrays.
        selected: the symbol that is followed (`w_11^2`, `a_1^1`), or "".

    Example:
        >>> from chainrule import Network
        >>> explorer = Explorer(Network.read("2-1"))
        >>> explorer.selected = "w_12^1"
        >>> explorer.weights = {"W_1": [[0.5], [-1.0]]}
        >>> explorer.weights
        {'W_1': [[0.5], [-1.0]]}
    """

    weights = traitlets.Dict().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, net: Network, *, values: Values | None = None, notation: str = "seed", lang: str = "en", **traits: Any
    ) -> None:
        found = bundle(net, values=values, notation=notation, lang=lang)
        self._net = net
        self._layout = layout_of(net.derive(samples=None).source)
        self._numbers = np.array(found["numbers"]["p"], dtype=float)
        self._esm = _module(found, emit(net))
        self._css = _style()
        super().__init__(weights=self._named(), **traits)

    def _named(self) -> dict[str, Any]:
        """Return the numbers by name: the arrays that hold parameters of their own."""
        arrays = self._layout.unpack(self._numbers)
        return {part.name: arrays[part.name].tolist() for part in self._layout}

    @traitlets.validate("weights")
    def _fits(self, proposal: Any) -> dict[str, Any]:
        """Return the weights as lists; those that are left out keep their numbers.

        Raises:
            DataError: where a name or a shape does not fit.
        """
        # The page knows one number of a tied group, that of its first weight: `pack` gives it to all of them.
        loose = evaluate(self._net.replace(ties=()), weights={**self._named(), **proposal["value"]})
        self._numbers = self._layout.pack({name: loose[name] for name in self._layout.maps})
        return self._named()

    @traitlets.validate("selected")
    def _known(self, proposal: Any) -> str:
        """Return the name.

        Raises:
            SelectionError: where the network has nothing of that name.
        """
        name = str(proposal["value"])
        if name and name != "loss":
            self._net.values()[name]
        return name


def _module(found: dict[str, Any], code: str) -> str:
    """Return the one ES module of a widget: the page, KaTeX and its fonts, the network and its code."""
    _, fonts = katex_style()
    return (
        f"const katex = {katex_as_value()};\n{joined('widget.js')}$tex.useKatex(katex);\n"
        f"$widget.useFonts({json.dumps(fonts)});\n"
        f"const code = {as_value(code)};\nconst bundle = {json.dumps(found, ensure_ascii=False)};\n"
        "export default $widget.widget(bundle, code);\n"
    )


def _style() -> str:
    style, _ = katex_style()
    return style + "\n" + (static() / "page.css").read_text(encoding="utf-8")
