"""What the options of a command mean: its network, numbers and form; and where what it writes goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from chainrule.errors import SelectionError

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.values import Values

_BY_SUFFIX = {
    ".txt": "text", ".tex": "latex", ".md": "markdown", ".typ": "typst", ".html": "html", ".json": "json",
    ".pdf": "pdf", ".svg": "svg", ".png": "png", ".tikz": "tikz", ".csv": "csv", ".ipynb": "notebook", ".npy": "npy",
    ".jsonl": "jsonl", ".xml": "junit", ".sarif": "sarif",
}  # fmt: skip


def network_of(options: dict[str, Any]) -> Network:
    """Return the network that a command is about."""
    from chainrule.network import Network

    return Network.read(
        options["net"], hidden=options["hidden"], output=options["output_activation"], bias=options["bias"],
        loss=options["loss"], reduction=options["reduction"],
    )  # fmt: skip


def is_folder(out: str | None) -> bool:
    """Return whether several files are to be written into a folder of this name, rather than beside one of it."""
    return out is not None and (os.path.isdir(out) or not os.path.splitext(out)[1])


def format_of(options: dict[str, Any], known: tuple[str, ...], default: str) -> str:
    """Return the form asked for: named, or by the file's ending."""
    if options["format_"]:
        return str(options["format_"])
    if not options["out"]:
        return default
    suffix = os.path.splitext(options["out"])[1].lower()
    named = _BY_SUFFIX.get(suffix)
    if named == "latex" and "tikz" in known:
        named = "tikz"
    if named in known:
        return str(named)
    if suffix and not options["out"].startswith("/dev/"):
        endings = ", ".join(end for end, form in _BY_SUFFIX.items() if form in known)
        raise SelectionError("format_ending", read=options["out"], ending=suffix, known=endings)
    return default


def sample_count(options: dict[str, Any], numbers: Values | None) -> int | None:
    """Return for how many samples to derive; None for any number."""
    if numbers is not None:
        return None if options["view"] != "scalar" else numbers.samples
    text = options["samples"]
    if text is None:
        return None if options["view"] != "scalar" else 1
    if text in ("N", "n"):
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:10]) <= 10**9 or len(text) > 10:
        raise SelectionError("bad_samples", read=text)
    return int(text)


def values_of(net: Network, options: dict[str, Any]) -> Values:
    """Return the numbers that are given, the others drawn at random."""
    from chainrule.figure.data import read_samples, read_weights

    given: dict[str, Any] = {"seed": options["seed"]}
    if options["weights_file"]:
        given["weights"] = dict(read_weights(options["weights_file"], net))
    if options["settings"]:
        given["weights"] = {**given.get("weights", {}), **dict(_setting(text) for text in options["settings"])}
    if options["data"]:
        given["inputs"], given["targets"] = read_samples(options["data"], net)
    for name, option in (("inputs", "x"), ("targets", "true")):
        if options[option] is not None:
            given[name] = [_numbers(options[option], option)]
    return net.values(**given)


def _setting(text: str) -> tuple[str, float]:
    name, equals, number = text.partition("=")
    if not equals:
        raise SelectionError("bad_setting", read=text)
    return name.strip(), _numbers(number, "set")[0]


def _numbers(text: str, option: str) -> list[float]:
    found = []
    for part in text.replace(";", ",").split(","):
        try:
            found.append(float(part))
        except ValueError:
            raise SelectionError("bad_number", read=part.strip(), option=option) from None
    return found


def paths_of(derivation: Any, name: str | None) -> Iterable[str]:
    """Return the paths from a symbol to the loss, a line each."""
    from chainrule.notation import plain
    from chainrule.selection import paths

    if name is None:
        raise SelectionError("paths_of_what")
    return (" → ".join(map(plain, path)) + "\n" for path in paths(derivation, name))


def coloured(out: str | None) -> bool:
    """Return whether what is written is coloured: on a terminal that has colours, unless these are not wanted."""
    return out is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def emit_text(out: str | None, pieces: Iterable[str]) -> None:
    """Write text into a file, whole or not at all, or to standard output."""
    if out is not None:
        from chainrule.output import write_whole

        write_whole(out, pieces)
        return
    stream = sys.stdout
    if hasattr(stream, "reconfigure"):
        # A terminal that cannot show ∂ gets an escape rather than a crash.
        stream.reconfigure(errors="backslashreplace")
    try:
        for piece in pieces:
            stream.write(piece)
        stream.flush()
    except BrokenPipeError:
        # The reader has gone (`| head`): nothing is wrong. Python would complain again at exit, so its output is
        # closed off.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def emit_bytes(out: str | None, data: bytes) -> None:
    """Write bytes into a file, whole or not at all, or to standard output."""
    if out is not None:
        from chainrule.output import write_whole

        write_whole(out, data)
        return
    if sys.stdout.isatty():
        raise SelectionError("binary_to_terminal")
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
