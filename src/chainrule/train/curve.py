"""The curve of the losses over the epochs: as SVG, and in the characters of a terminal."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from itertools import pairwise

from chainrule.prose import sentence
from chainrule.train.loop import Epoch

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 28, 44
TRAINING, VALIDATION, INK, LINE = "#1452b8", "#b3370b", "#16191d", "#cdd3d9"
FONT = "'Liberation Sans',Arial,'Noto Sans CJK KR','Noto Sans KR','Malgun Gothic',sans-serif"

MOST_POINTS = 2000
"""More epochs than these are thinned: nobody sees more."""

BARS = "▁▂▃▄▅▆▇█"


def curve_svg(history: Sequence[Epoch], *, best: int = 0, lang: str = "en") -> str:
    """Return the loss curve as a standalone SVG document, with a logarithmic axis where the losses allow it.

    Args:
        history: what each epoch came to.
        best: the number of the best epoch, which is marked; 0 for none.
        lang: the language of the words.

    Example:
        >>> curve_svg([Epoch(1, 0.1, 2.0), Epoch(2, 0.1, 1.0)])[:38]
        '<svg xmlns="http://www.w3.org/2000/svg'
    """
    return _Curve(history, best, lang).document()


class _Curve:
    def __init__(self, history: Sequence[Epoch], best: int, lang: str) -> None:
        self.best, self.lang = best, lang
        self.last = history[-1].number if history else 1
        step = -(-len(history) // MOST_POINTS) or 1
        shown = [epoch for at, epoch in enumerate(history) if at % step == 0 or at == len(history) - 1]
        self.series = [
            ("training", TRAINING, [(epoch.number, epoch.loss) for epoch in shown]),
            ("validation", VALIDATION, [(e.number, e.validation) for e in shown if not math.isnan(e.validation)]),
        ]
        losses = [loss for _, _, points in self.series for _, loss in points if math.isfinite(loss)] or [1.0]
        self.log = min(losses) > 0
        self.low, self.high = self._ends(min(losses), max(losses))

    def _ends(self, low: float, high: float) -> tuple[float, float]:
        low, high = self._scaled(low), self._scaled(high)
        margin = 0.05 * (high - low) or 0.5
        return low - margin, high + margin

    def _scaled(self, loss: float) -> float:
        return math.log10(loss) if self.log else loss

    def _x(self, epoch: float) -> float:
        span = max(1, self.last - 1)
        return LEFT + (epoch - 1) / span * (WIDTH - LEFT - RIGHT)

    def _y(self, loss: float) -> float:
        return TOP + (self.high - self._scaled(loss)) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def document(self) -> str:
        say = {name: sentence(f"train.curve.{name}", lang=self.lang) for name in ("title", "epoch", "loss")}
        root = ET.Element(
            "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {HEIGHT}", width=str(WIDTH),
            height=str(HEIGHT), role="img",
        )  # fmt: skip
        root.set("class", "chainrule-curve")
        ET.SubElement(root, "title").text = say["title"]
        ET.SubElement(root, "rect", width=str(WIDTH), height=str(HEIGHT), fill="#ffffff")
        self._axes(root, say["epoch"], say["loss"])
        for name, colour, points in self.series:
            if points:
                self._line(root, name, colour, points)
        self._legend(root)
        if self.best:
            self._mark(root)
        return ET.tostring(root, encoding="unicode") + "\n"

    def _axes(self, root: ET.Element, across: str, up: str) -> None:
        for loss in self._ticks():
            y = f"{self._y(loss):.1f}"
            ET.SubElement(root, "line", x1=str(LEFT), x2=str(WIDTH - RIGHT), y1=y, y2=y, stroke=LINE)
            self._text(root, LEFT - 6, float(y) + 4, f"{loss:.3g}", anchor="end")
        for epoch in sorted({1, *(round(1 + (self.last - 1) * part / 4) for part in range(1, 5))}):
            self._text(root, self._x(epoch), HEIGHT - BOTTOM + 18, str(epoch), anchor="middle")
        self._text(root, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, across, anchor="middle")
        self._text(root, 8, 18, up, anchor="start")

    def _ticks(self) -> list[float]:
        if not self.log:
            return [self.low + (self.high - self.low) * part / 4 for part in range(5)]
        inside = [10.0**power for power in range(math.ceil(self.low), math.floor(self.high) + 1) if -300 < power < 300]
        if len(inside) >= 2:
            return inside[:: -(-len(inside) // 8)]
        return [10 ** min(300.0, self.low + (self.high - self.low) * part / 4) for part in range(5)]

    def _line(self, root: ET.Element, name: str, colour: str, points: list[tuple[int, float]]) -> None:
        drawn = " ".join(f"{self._x(n):.1f},{self._y(loss):.1f}" for n, loss in points if math.isfinite(loss))
        style = {"stroke-dasharray": "6 4"} if name == "validation" else {}
        ET.SubElement(
            root,
            "polyline",
            {"class": name, "points": drawn, "fill": "none", "stroke": colour, "stroke-width": "2", **style},
        )

    def _legend(self, root: ET.Element) -> None:
        x = LEFT + 80.0
        for name, colour, points in self.series:
            if points:
                style = {"stroke-dasharray": "6 4"} if name == "validation" else {}
                place = {"x1": f"{x:.0f}", "x2": f"{x + 24:.0f}", "y1": "14", "y2": "14"}
                ET.SubElement(root, "line", {**place, "stroke": colour, "stroke-width": "2", **style})
                self._text(root, x + 30, 18, sentence(f"train.curve.{name}", lang=self.lang), anchor="start")
                x += 150

    def _mark(self, root: ET.Element) -> None:
        points = self.series[1][2] or self.series[0][2]
        near = min(points, key=lambda point: abs(point[0] - self.best))
        mark = ET.SubElement(
            root, "circle", cx=f"{self._x(near[0]):.1f}", cy=f"{self._y(near[1]):.1f}", r="4", fill=INK
        )
        ET.SubElement(mark, "title").text = sentence("train.curve.best", lang=self.lang, epoch=self.best)

    def _text(self, root: ET.Element, x: float, y: float, text: str, *, anchor: str) -> None:
        place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}
        ET.SubElement(root, "text", {**place, "font-family": FONT, "font-size": "12", "fill": INK}).text = text


def spark(losses: Sequence[float], *, width: int = 24) -> str:
    """Return losses as a row of bars, each the mean of some epochs, on a logarithmic scale where they allow it.

    Example:
        >>> spark([8.0, 4.0, 2.0, 1.0])
        '█▆▃▁'
    """
    finite = [loss for loss in losses if math.isfinite(loss)]
    if not finite:
        return ""
    count = min(width, len(finite))
    edges = [round(part * len(finite) / count) for part in range(count + 1)]
    means = [sum(finite[start:stop]) / (stop - start) for start, stop in pairwise(edges)]
    scaled = [math.log(mean) for mean in means] if min(means) > 0 else means
    low, span = min(scaled), max(scaled) - min(scaled)
    return "".join(BARS[round((value - low) / span * (len(BARS) - 1)) if span else 0] for value in scaled)


def plot(history: Sequence[Epoch], *, width: int = 60, height: int = 8) -> list[str]:
    """Return the lines of a loss curve for a terminal: ● training, ○ validation."""
    series = [("●", [epoch.loss for epoch in history]), ("○", [epoch.validation for epoch in history])]
    finite = [loss for _, losses in series for loss in losses if math.isfinite(loss)]
    if len(history) < 2 or not finite:
        return []
    log = min(finite) > 0
    low, high = min(finite), max(finite)
    bottom, top = (math.log(low), math.log(high)) if log else (low, high)
    grid = [[" "] * width for _ in range(height)]
    for sign, losses in series:
        for column in range(width):
            loss = losses[round(column * (len(losses) - 1) / (width - 1))]
            if math.isfinite(loss):
                share = ((math.log(loss) if log else loss) - bottom) / (top - bottom or 1.0)
                grid[round((1 - share) * (height - 1))][column] = sign
    labels = {0: f"{high:.3g}", height - 1: f"{low:.3g}"}
    rows = [f"{labels.get(at, ''):>9} ┤{''.join(row)}".rstrip() for at, row in enumerate(grid)]
    return [*rows, f"{'':>9} └{'─' * width}", f"{'1':>11}{history[-1].number:>{width}}"]
