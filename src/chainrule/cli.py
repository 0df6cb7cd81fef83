"""The command line: `chainrule derive`, `draw`, `values`. What a command needs is imported inside the command.

Exit codes: 0 for done, 1 for "checked and something is wrong", 2 for misuse or bad input, 130 when interrupted.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from chainrule import __version__
from chainrule.errors import ChainruleError, SelectionError

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.values import Values

_BY_SUFFIX = {
    ".txt": "text", ".tex": "latex", ".md": "markdown", ".typ": "typst", ".html": "html", ".json": "json",
    ".pdf": "pdf", ".svg": "svg", ".png": "png", ".tikz": "tikz", ".csv": "csv",
}  # fmt: skip

DERIVE_FORMATS = ("text", "latex", "latex-fragment", "markdown", "typst", "html", "json", "pdf")
DRAW_FORMATS = ("svg", "png", "pdf", "tikz", "tikz-fragment")
VALUE_FORMATS = ("text", "json", "csv")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    lang = _language(sys.argv[1:] if arguments is None else arguments)
    # Asked to end, it ends as when interrupted: what was half-written is taken away.
    with contextlib.suppress(ValueError):  # not in the main thread: then it is not ours to say
        signal.signal(signal.SIGTERM, _terminated)
    try:
        commands.main(args=arguments, prog_name="chainrule", standalone_mode=False, auto_envvar_prefix="CHAINRULE")
        code = 0
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except click.ClickException as error:
        error.show()
        code = 2
    except click.Abort:
        click.echo("", err=True)
        code = 130
    except ChainruleError as error:
        click.echo(error.message(lang=lang), err=True)
        code = 2
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def _terminated(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _language(arguments: list[str]) -> str:
    """Return the language asked for, also where the command line itself is in error."""
    for position, word in enumerate(arguments):
        if word.startswith("--lang="):
            return "ko" if word == "--lang=ko" else "en"
        if word == "--lang" and position + 1 < len(arguments):
            return "ko" if arguments[position + 1] == "ko" else "en"
    return "ko" if os.environ.get("CHAINRULE_LANG") == "ko" else "en"


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Examples: `chainrule derive 2-3-2-1`, `chainrule draw 2-3-2-1 -o net.svg`, `chainrule values 2-3-2-1`.",
)
@click.version_option(__version__, prog_name="chainrule")
def commands() -> None:
    """What is ∂loss/∂w, for every w? On paper, line by line; in numbers; as a drawing.

    NET is a shorthand such as 2-3-2-1 or 2-3:tanh-2:relu-1, or the name of a TOML file.
    """


def _network_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        (
            click.argument("net", metavar="NET"),
            click.option(
                "--hidden", metavar="NAME", help="Activation of hidden layers that name none.  [default: sigmoid]"
            ),
            click.option(
                "--output", "output_activation", metavar="NAME", help="Activation of the outputs.  [default: identity]"
            ),
            click.option("--bias/--no-bias", default=None, help="Whether the units have biases."),
            click.option(
                "--loss", metavar="NAME", help="The loss: mse, mae, huber(0.5), bce, softmax_cross_entropy, …"
            ),
            click.option("--reduction", metavar="HOW", help="sum, mean, batchmean, or samples=mean,outputs=sum."),
        )
    ):
        command = option(command)
    return command


def _number_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        (
            click.option("--x", "x", metavar="NUMBERS", help="One sample's inputs: 0.5,-1."),
            click.option("--true", "true", metavar="NUMBERS", help="One sample's targets: 1."),
            click.option(
                "--set", "settings", metavar="NAME=NUMBER", multiple=True, help="A weight or bias: w_11^2=0.3 (repeat)."
            ),
            click.option("--data", metavar="FILE", help="Samples in CSV, NPY or NPZ."),
            click.option("--weights", "weights_file", metavar="FILE", help="Weights and biases in NPZ or CSV."),
            click.option("--seed", type=click.IntRange(min=0), help="Seed for all numbers not given.  [default: 0]"),
        )
    ):
        command = option(command)
    return command


def _shared_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        (
            click.option(
                "--lang",
                type=click.Choice(["en", "ko"]),
                default="en",
                show_default=True,
                help="Language of the words.",
            ),
            click.option(
                "--notation",
                metavar="NAME",
                default="seed",
                show_default=True,
                help="How symbols are spelled: seed, parens, ng, nielsen, bishop.",
            ),
            click.option("-o", "--out", "out", metavar="FILE", help="Write to a file (its ending names the format)."),
        )
    ):
        command = option(command)
    return command


@commands.command(
    epilog=(
        "Examples: `chainrule derive 2-3-2-1 --of w_11^2`, `chainrule derive 2-100-50-1 --view matrix`, "
        "`chainrule derive 2-3-2-1 --numbers --x 0.5,-1 --true 1`, `chainrule derive 2-3-1 --bias -o sheet.pdf`."
    )
)
@_network_options
@click.option(
    "--of", "of", metavar="NAME", help="Only this: w_11^2, b_1^2, a_1^1, W_2, 'layer 2', or a name on the sheet."
)
@click.option("--all", "every", is_flag=True, help="Every line, however many, instead of a textbook's ⋮.")
@click.option("--general", is_flag=True, help="One index-general line for each layer.")
@click.option(
    "--view",
    type=click.Choice(["scalar", "matrix", "both"]),
    default="scalar",
    show_default=True,
    help="Line by line, or whole layers.",
)
@click.option(
    "--depth",
    type=click.Choice(["shown", "substituted", "expanded", "both"]),
    default="shown",
    show_default=True,
    help="How far the last side goes.",
)
@click.option("--inputs", is_flag=True, help="Include ∂loss/∂x.")
@click.option("--paths", is_flag=True, help="With --of: the paths to the loss, one a line, instead of lines.")
@click.option("--samples", metavar="N", help="How many samples the loss gathers: a number, or N for any.")
@click.option("--numbers", is_flag=True, help="Put the numbers in.")
@_number_options
@click.option(
    "--digits", type=click.IntRange(1, 17), default=6, show_default=True, help="Significant digits of shown numbers."
)
@click.option(
    "--format", "format_", type=click.Choice(DERIVE_FORMATS), help="The form.  [default: by FILE's ending, else text]"
)
@_shared_options
def derive(**options: Any) -> None:
    """Derive ∂loss/∂w for every w of NET, line by line."""
    from chainrule.show.compose import compose

    net = _network(options)
    format_ = _format(options, DERIVE_FORMATS, "text")
    numbered = options["numbers"] or any(options[name] for name in ("x", "true", "settings", "data", "weights_file"))
    numbers = _values(net, options) if numbered else None
    derivation = net.derive(samples=_sample_count(options, numbers))
    if options["paths"]:
        _emit_text(options["out"], _paths(derivation, options["of"]))
        return
    shown: dict[str, Any] = {
        name: options[name]
        for name in ("of", "view", "every", "general", "notation", "lang", "depth", "digits", "inputs")
    }
    shown["numbers"] = numbers
    if format_ == "json":
        from chainrule.show.json import iter_json

        _emit_text(options["out"], iter_json(derivation, **shown))
        return
    document = compose(derivation, **shown)
    if format_ == "pdf":
        from chainrule.show.typst import to_pdf

        _emit_bytes(options["out"], to_pdf(document))
        return
    from chainrule.show import emitter_of
    from chainrule.show.emit import emit

    _emit_text(options["out"], emit(emitter_of(document, format_, colour=_coloured(options["out"]))))


@commands.command(
    epilog="Examples: `chainrule draw 2-3-2-1 -o net.svg`, `chainrule draw 2-3-2-1 --highlight w_11^1 -o path.png`."
)
@_network_options
@click.option("--highlight", metavar="NAME", help="Light up every path from this symbol to the loss.")
@click.option(
    "--direction", type=click.Choice(["forward", "backward"]), help="Draw the flow of values, or of partials."
)
@click.option("--expand", is_flag=True, help="Draw up to 64 units of a layer, and 40 layers, instead of a few.")
@click.option(
    "--scale", type=click.FloatRange(0.1, 20), default=2.0, show_default=True, help="Pixels per point, for PNG."
)
@click.option(
    "--format", "format_", type=click.Choice(DRAW_FORMATS), help="The form.  [default: by FILE's ending, else svg]"
)
@_shared_options
def draw(**options: Any) -> None:
    """Draw NET, left to right, every weight labelled."""
    from chainrule.show.drawing import draw as draw_network

    net = _network(options)
    format_ = _format(options, DRAW_FORMATS, "svg")
    picture = draw_network(
        net, format=format_, highlight=options["highlight"], direction=options["direction"],
        notation=options["notation"], lang=options["lang"], expand=options["expand"], scale=options["scale"],
    )  # fmt: skip
    if isinstance(picture, bytes):
        _emit_bytes(options["out"], picture)
    else:
        _emit_text(options["out"], [picture])


@commands.command(
    epilog="Examples: `chainrule values 2-3-2-1 --seed 1 --verify`, `chainrule values sheet.toml --format json`."
)
@_network_options
@_number_options
@click.option("--all", "every", is_flag=True, help="Every row, however many, instead of ⋮.")
@click.option("--verify", is_flag=True, help="Recompute every partial by complex steps; exit 1 where they differ.")
@click.option(
    "--digits", type=click.IntRange(1, 17), default=6, show_default=True, help="Significant digits of shown numbers."
)
@click.option(
    "--format", "format_", type=click.Choice(VALUE_FORMATS), help="The form.  [default: by FILE's ending, else text]"
)
@_shared_options
def values(**options: Any) -> None:
    """Evaluate NET: the number of every symbol and of every partial."""
    from chainrule.show.table import passed, write_values
    from chainrule.values import verify

    net = _network(options)
    format_ = _format(options, VALUE_FORMATS, "text")
    found = _values(net, options)
    checked = verify(found) if options["verify"] else None
    pieces = write_values(
        found, format_, verification=checked, notation=options["notation"], lang=options["lang"],
        digits=options["digits"], every=options["every"],
    )  # fmt: skip
    _emit_text(options["out"], pieces)
    if checked is not None and not passed(checked):
        raise click.exceptions.Exit(1)


@commands.command(epilog="Example: `chainrule completion bash >> ~/.bashrc`.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes commands and options in a shell."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(commands, {}, "chainrule", "_CHAINRULE_COMPLETE").source())


def _network(options: dict[str, Any]) -> Network:
    from chainrule.network import Network

    return Network.read(
        options["net"], hidden=options["hidden"], output=options["output_activation"], bias=options["bias"],
        loss=options["loss"], reduction=options["reduction"],
    )  # fmt: skip


def _format(options: dict[str, Any], known: tuple[str, ...], default: str) -> str:
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


def _sample_count(options: dict[str, Any], numbers: Values | None) -> int | None:
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


def _values(net: Network, options: dict[str, Any]) -> Values:
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


def _paths(derivation: Any, name: str | None) -> Iterable[str]:
    from chainrule.notation import plain
    from chainrule.selection import paths

    if name is None:
        raise SelectionError("paths_of_what")
    return (" → ".join(map(plain, path)) + "\n" for path in paths(derivation, name))


def _coloured(out: str | None) -> bool:
    return out is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _emit_text(out: str | None, pieces: Iterable[str]) -> None:
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


def _emit_bytes(out: str | None, data: bytes) -> None:
    if out is not None:
        from chainrule.output import write_whole

        write_whole(out, data)
        return
    if sys.stdout.isatty():
        raise SelectionError("binary_to_terminal")
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
