"""Network → bundle: everything that the page shows, as JSON. README.md beside this file says what stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import ChainruleError, SelectionError
from chainrule.expr import Partial, Ref, Symbol
from chainrule.native.layout import Layout, layout_of
from chainrule.native.lower import identifier
from chainrule.network import Given
from chainrule.notation import load, names
from chainrule.page.lines import PageLines
from chainrule.prose import LANGUAGES, sentences
from chainrule.rules import LOSSES
from chainrule.show.drawing import draw
from chainrule.show.drawing.words import Words
from chainrule.values.evaluate import array_name
from chainrule.values.plan import symbol_key

if TYPE_CHECKING:
    from chainrule.derive import Derivation
    from chainrule.network import Network
    from chainrule.values import Values

VERSION = 1


def bundle(net: Network, *, values: Values | None = None, notation: str = "seed", lang: str = "en") -> dict[str, Any]:
    """Return what the page shows of a network.

    Args:
        net: the network.
        values: the numbers that it starts with; those of the sheet, the rest drawn with seed 0, where left out.
        notation: the notation it starts with; the others are in it too.
        lang: the language it starts with, en or ko; the other one is in it too.

    Raises:
        SelectionError: where there is no such notation or language.

    Example:
        >>> from chainrule import Network
        >>> found = bundle(Network.read("2-3-2-1"))
        >>> found["net"]["sizes"], [q["array"] for q in found["quantities"]][:4]
        ([2, 3, 2, 1], ['x', 'target', 'p', 'p'])
    """
    load(notation)
    if lang not in LANGUAGES:
        raise SelectionError("unknown_choice", option="lang", read=lang, known=", ".join(LANGUAGES))
    values = net.values() if values is None else values
    scalar, whole = net.derive(), net.derive(samples=None)
    layout = layout_of(whole.source)
    symbols = list(_symbols(whole))
    numbers = {symbol_key(symbol): position for position, symbol in enumerate(symbols)}
    return {
        "version": VERSION,
        "net": _net(net),
        "lang": lang,
        "notation": notation,
        "quantities": [_quantity(symbol, whole, layout) for symbol in symbols],
        "numbers": {
            "p": layout.pack({name: values[name] for name in layout.maps}).tolist(),
            "x": values["X"].tolist(),
            "target": np.reshape(values["true"], (values.samples, -1)).tolist(),
            "seed": values.seed.number,
            "drawn": list(values.seed.drawn),
        },
        "targets": LOSSES[net.loss.name].targets if not LOSSES[net.loss.name].class_index else "class",
        "drawings": {one: draw(net, lang=one, background=False) for one in LANGUAGES},
        "notations": {one: PageLines(scalar, whole, one, numbers).data() for one in names()},
        "texts": {one: {**sentences("see", lang=one), **_about(net, one)} for one in LANGUAGES},
    }


def _net(net: Network) -> dict[str, Any]:
    try:
        shorthand = net.to_shorthand()
    except ChainruleError:
        shorthand = None
    return {
        "toml": net.to_toml(),
        "figure": net.replace(given=Given()).to_toml(),
        "shorthand": shorthand,
        "name": net.name,
        "sizes": [net.size(level) for level in range(net.depth + 1)],
        "weights": net.weight_count,
        "ties": [[str(weight) for weight in group] for group in net.ties],
        "outputs": len(net.output_units),
        "names": _unit_names(net),
    }


def _unit_names(net: Network) -> dict[int, list[str]]:
    """Return the names on the sheet, for the layers that have any."""
    names = [net.input_names, *(layer.names for layer in net.layers)]
    return {level: list(given) for level, given in enumerate(names) if given}


def _symbols(derivation: Derivation) -> dict[Symbol, None]:
    source = derivation.source
    computed = (s.target.symbol for s in source.statements if isinstance(s.target, Ref))
    return dict.fromkeys((*source.data, *source.parameters, *computed))


def _quantity(symbol: Symbol, derivation: Derivation, layout: Layout) -> dict[str, Any]:
    """Return where the numbers of a symbol and of ∂loss/∂symbol stand."""
    ref = Ref(symbol)
    derived = symbol in derivation.of
    found: dict[str, Any] = {
        "kind": symbol.kind, "layer": symbol.layer, "source": symbol.source, "matrix": array_name(symbol),
        "array": identifier(ref), "size": [dim.size or 1 for dim in symbol.dims if dim.name != "samples"],
        "partial": identifier(Partial(derivation.source.root, ref)) if derived else None,
    }  # fmt: skip
    if symbol in layout.symbols:
        part = layout.symbols[symbol]
        found |= {"array": "p", "partial": "g" if derived else None, "start": part.start}
        if symbol.support is not None:
            found["support"] = sorted(map(list, symbol.support))
    return found


def _about(net: Network, lang: str) -> dict[str, str]:
    """Return the words of the drawing that the page says again: of every symbol, what a layer's units do, the loss."""
    words = Words(net, lang)
    symbols = {key: text for key, text in sentences("drawing", lang=lang).items() if key.startswith("about.")}
    found = {
        f"layer.{level}": ", ".join(dict.fromkeys(words.rule("activation", a) for a in layer.activations))
        for level, layer in enumerate(net.layers, start=1)
    }
    return {**symbols, **found, "loss": words.rule("loss", net.loss), "title": words.title()}
