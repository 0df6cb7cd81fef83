"""Reading and writing the figure: shorthand, TOML, neuron by neuron, and files of numbers.

    shorthand.py   2-3:tanh-1 --bias          toml.py    the same and more, with an exercise sheet's numbers
    graph.py       any feed-forward graph     data.py    samples and weights in CSV, NPY and NPZ
    spelling.py    w_11^2, b_1^2, pred_2      normal.py  one value for one figure

What a Network is, and what fits together in one, stands in `chainrule.network`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from chainrule.errors import NetworkError, Place

if TYPE_CHECKING:
    from chainrule.network import Network


def read(
    text: str | os.PathLike[str],
    *,
    hidden: str | None = None,
    output: str | None = None,
    bias: bool | None = None,
    loss: str | None = None,
    reduction: str | None = None,
) -> Network:
    """Return the network of a shorthand, or of a TOML file where the text names one.

    Args:
        text: a shorthand ("2-3:tanh-1"), or the path of a file: one that exists, or any text that ends in `.toml`.
        hidden: the activation of hidden layers that name none.
        output: the activation of the last layer where it names none.
        bias: whether all units have biases, whatever the text says.
        loss: the loss, in place of the text's.
        reduction: how the loss gathers, in place of the text's: sum, mean, batchmean, or samples=mean,outputs=sum.

    Raises:
        NetworkError: where it cannot be read, with the place (several at once as `Problems`).

    Example:
        >>> net = read("2-3-1", bias=True, loss="huber(0.5)")
        >>> net.layers[0].bias, str(net.loss)
        ((True,), 'huber(0.5)')
    """
    from chainrule.figure.names import Word, place_at
    from chainrule.figure.shorthand import Defaults, from_shorthand

    def word(name: str, value: str | None) -> Word | None:
        return None if value is None else Word(value, place_at(f"--{name}", value, 0, max(1, len(value))))

    defaults = Defaults(
        bias, word("loss", loss), word("reduction", reduction), word("hidden", hidden), word("output", output)
    )
    path = os.fspath(text)
    is_file = os.path.isfile(path)  # Path.is_file raises for a text too long to be a name
    if is_file or path.rstrip().lower().endswith(".toml") or not isinstance(text, str):
        from chainrule.figure.toml import from_toml

        return from_toml(_file_text(path), source=path, defaults=defaults)
    return from_shorthand(text, defaults=defaults)


def _file_text(path: str) -> str:
    """Return the text of a file.

    Raises:
        NetworkError: where it cannot be opened, or is not text in UTF-8.
    """
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise NetworkError("unreadable_file", read=path, reason=reason) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = f"0x{data[error.start]:02x}"
        raise NetworkError("not_text", place=Place(path, line), read=byte, offset=error.start) from None
