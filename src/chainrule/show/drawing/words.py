"""The words of a drawing: captions, and the sentences for people who do not see it. All of them stand in `prose/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.prose import sentence, template
from chainrule.show.drawing.columns import Gap
from chainrule.show.drawing.metrics import clean

if TYPE_CHECKING:
    from chainrule.network import Activation, Loss, Network
    from chainrule.show.drawing.columns import Column

MOST_NAMED_LAYERS = 12
"""The description names no more layers than this one by one."""


class Words:
    """The words of one network's drawing, in one language."""

    def __init__(self, net: Network, lang: str) -> None:
        self.net = net
        self.lang = lang

    def say(self, key: str, **facts: object) -> str:
        """Return a sentence of the drawing."""
        return sentence(f"drawing.{key}", lang=self.lang, **facts)

    def count(self, what: str, count: int) -> str:
        """Return a counted noun, `1 unit` or `1,000 units`."""
        return self.say(f"count.{what}_one" if count == 1 else f"count.{what}", count=f"{count:,}")

    def rule(self, table: str, choice: Activation | Loss) -> str:
        """Return what an activation or a loss is called; a row without a word here goes by its own name."""
        name = template(f"drawing.{table}.{choice.name}", lang=self.lang) or choice.name.replace("_", " ")
        return name if choice.parameter is None else f"{name} ({choice.parameter:.6g})"

    def caption(self, column: Column) -> tuple[str, str]:
        """Return the two lines under a layer: which it is, and how many units, with the activation they share."""
        level = column.level
        if isinstance(level, Gap):
            return "", self.count("more_layers", level.count)
        if level == 0:
            return self.say("caption.inputs"), self.count("units", self.net.inputs)
        layer = self.net.layers[level - 1]
        last = level == self.net.depth and self.net.reads_last_layer
        head = self.say("caption.output" if last else "caption.layer", level=level)
        size = self.count("units", layer.size)
        same = len(set(layer.activations)) == 1
        return head, f"{size} · {self.rule('activation', layer.activations[0])}" if same else size

    def unit(self, level: int, unit: int, symbol: str, *, answers: bool = False) -> str:
        """Return the sentence about a unit; one that answers is an output and is called so."""
        name = clean(self.net.unit_name(level, unit), limit=80)
        called = f"{symbol} ({name})" if name else symbol
        if level == 0:
            return self.say("about.input", symbol=called, unit=unit)
        if answers:
            return self.say("about.pred", symbol=called)
        activation = self.rule("activation", self.net.layers[level - 1].activation(unit))
        return self.say("about.unit", symbol=called, unit=unit, level=level, activation=activation)

    def title(self) -> str:
        """Return the drawing's title: the sheet's name for the network, or its sizes."""
        if self.net.name:
            return clean(self.net.name, limit=120)
        sizes = [str(self.net.size(level)) for level in range(self.net.depth + 1)]
        if len(sizes) > MOST_NAMED_LAYERS:
            sizes = [*sizes[:6], "…", *sizes[-4:]]
        return self.say("title", sizes="-".join(sizes))

    def description(self, *, highlight: str | None, direction: str | None) -> str:
        """Return what the drawing shows, in sentences."""
        net = self.net
        layers = [self.count("inputs", net.inputs)]
        for level, layer in enumerate(net.layers[:MOST_NAMED_LAYERS], start=1):
            kinds = dict.fromkeys(self.rule("activation", activation) for activation in layer.activations[:50])
            size = self.count("units", layer.size)
            layers.append(self.say("describe.layer", level=level, size=size, activation=", ".join(list(kinds)[:4])))
        if net.depth > MOST_NAMED_LAYERS:
            layers.append(self.count("more_layers", net.depth - MOST_NAMED_LAYERS))
        parts = [self.say("describe.whole", layers="; ".join(layers), loss=self.rule("loss", net.loss))]
        if highlight is not None:
            parts.append(self.say("describe.highlight", symbol=clean(highlight)))
        if direction is not None:
            parts.append(self.say(f"describe.{direction}"))
        return " ".join(parts)
