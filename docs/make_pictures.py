"""Draw the pictures of README.md anew, each from a real run, into docs/pictures.

    python docs/make_pictures.py

The terminal is drawn from the coloured text that the commands in it print on a terminal.
"""

from __future__ import annotations

import re
import shlex
from html import escape
from pathlib import Path

from chainrule.network import Network
from chainrule.show import emitter_of
from chainrule.show.compose import compose
from chainrule.show.drawing import draw
from chainrule.show.emit import emit
from chainrule.width import columns

FOLDER = Path(__file__).resolve().parent / "pictures"

COMMANDS = (
    "chainrule derive 2-3-2-1 --of W_2",
    "chainrule derive 2-3-2-1 --of a_1^1",
    "chainrule derive 2-3-2-1 --of w_12^1 --x 0.5,-1 --true 1",
)
"""What is typed into the terminal of the picture. A test runs them and looks for what they print in the picture."""

ADVANCE, LINE, MARGIN, SIZE = 7.83, 19, 16, 13
PAPER, INK, QUIET = "#14181f", "#d7dde5", "#8b96a5"
COLOURS = {"32": "#8fd18f", "33": "#f0c674", "34": "#8ab4f8", "35": "#d7a0e8", "36": "#7fd6d6"}
SEQUENCE = re.compile(r"\x1b\[([0-9;]*)m")


def printed(command: str) -> str:
    """Return what a command of COMMANDS prints on a terminal."""
    _, _, net, *words = shlex.split(command)
    options = dict(zip(words[::2], words[1::2], strict=True))
    network = Network.read(net)
    numbers = None
    if "--x" in options:
        inputs, targets = ([[float(part) for part in options[name].split(",")]] for name in ("--x", "--true"))
        numbers = network.values(inputs=inputs, targets=targets)
    document = compose(network.derive(), of=options["--of"], numbers=numbers)
    return "".join(emit(emitter_of(document, "text", colour=True)))


def terminal() -> str:
    """Return the picture of a terminal in which the commands were run."""
    lines: list[str] = []
    for command in COMMANDS:
        lines += [f"\x1b[2m$\x1b[0m {command}", *printed(command).strip("\n").split("\n"), ""]
    lines.pop()
    width = round(max(map(columns, lines)) * ADVANCE + 2 * MARGIN)
    height = len(lines) * LINE + 2 * MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="A terminal: {escape("; ".join(COMMANDS))}" font-size="{SIZE}" fill="{INK}" '
        "font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\">"
    )
    parts = [
        head,
        f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>',
    ]
    for number, line in enumerate(lines):
        parts.append(_line(line, MARGIN + SIZE + number * LINE))
    return "\n".join((*filter(None, parts), "</svg>", ""))


def _line(line: str, y: int) -> str:
    """Return one line; every run of a colour is put at its column, so that no font can push the others out of place."""
    spans, colour, weight, column = [], INK, "", 0
    for position, part in enumerate(SEQUENCE.split(line)):
        if position % 2:
            colour = QUIET if part == "2" else COLOURS.get(part, INK)
            weight = ' font-weight="bold"' if part == "1" else ""
        elif part:
            shown = part.strip()
            start, size = column + len(part) - len(part.lstrip()), columns(shown)
            if shown:
                fill = "" if colour == INK else f' fill="{colour}"'
                spans.append(
                    f'<tspan x="{MARGIN + start * ADVANCE:.1f}" textLength="{size * ADVANCE:.1f}"{fill}{weight}>'
                    f"{escape(shown, quote=False)}</tspan>"
                )
            column += columns(part)
    return f'<text y="{y}">{"".join(spans)}</text>' if spans else ""


def pictures() -> dict[str, str]:
    """Return every picture by its file's name."""
    network = Network.read("2-3-2-1")
    found = {"terminal.svg": terminal()}
    for lang, name in (("en", "network.svg"), ("ko", "network.ko.svg")):
        drawing = draw(network, highlight="w_12^1", direction="backward", lang=lang)
        assert isinstance(drawing, str)
        found[name] = drawing
    return found


def main() -> None:
    """Write the pictures."""
    FOLDER.mkdir(exist_ok=True)
    for name, picture in pictures().items():
        (FOLDER / name).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
