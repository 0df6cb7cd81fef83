"""The command line: `chainrule derive`, `draw`, `values`, `check`, …. What a command needs is imported inside it.

Help and misuse are said in English or Korean: `command_line` builds the commands for a language, from `prose/`.

Exit codes: 0 for done, 1 for "checked and something is wrong", 2 for misuse or bad input, 130 when interrupted.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Iterable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import click

from chainrule import __version__
from chainrule.errors import ChainruleError, SelectionError
from chainrule.prose import LANGUAGES, sentence
from chainrule.width import columns

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.values import Values

_BY_SUFFIX = {
    ".txt": "text", ".tex": "latex", ".md": "markdown", ".typ": "typst", ".html": "html", ".json": "json",
    ".pdf": "pdf", ".svg": "svg", ".png": "png", ".tikz": "tikz", ".csv": "csv", ".ipynb": "notebook", ".npy": "npy",
}  # fmt: skip

DERIVE_FORMATS = ("text", "latex", "latex-fragment", "markdown", "typst", "html", "json", "pdf")
DRAW_FORMATS = ("svg", "png", "pdf", "tikz", "tikz-fragment")
VALUE_FORMATS = ("text", "json", "csv")
EXPORT_FORMS = ("numpy", "torch", "jax", "c", "c-embedded")
CHECK_FORMATS = ("text", "json", "jsonl", "junit", "sarif", "gradescope", "nbgrader", "csv", "dodona")
EXERCISE_FORMATS = ("markdown", "latex", "pdf", "notebook")
EXERCISE_PARTS = ("sheet", "key", "network", "rubric", "errors", "errors-key")
PREDICT_FORMATS = ("csv", "json", "npy")
DTYPES = ("float64", "float32")
DOCUMENT_FORMATS = ("markdown", "latex", "notebook", "text", "typst")
SHELLS = ("bash", "zsh", "fish")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    lang = _language(sys.argv[1:] if arguments is None else arguments)
    # Asked to end, it ends as when interrupted: what was half-written is taken away.
    with contextlib.suppress(ValueError):  # not in the main thread: then it is not ours to say
        signal.signal(signal.SIGTERM, _terminated)
    try:
        # A command returns nothing; one that leaves early with an exit code has click return that.
        left = command_line(lang).main(
            args=arguments, prog_name="chainrule", standalone_mode=False, auto_envvar_prefix="CHAINRULE"
        )
        code = left or 0
    except click.ClickException as error:
        click.echo(_complaint(error, lang), err=True)
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
    """Return the language asked for last, also where the command line itself is in error."""
    lang = os.environ.get("CHAINRULE_LANG")
    for position, word in enumerate(arguments):
        if word == "--":
            break
        if word.startswith("--lang="):
            lang = word.removeprefix("--lang=")
        elif word == "--lang" and position + 1 < len(arguments):
            lang = arguments[position + 1]
    return lang if lang in LANGUAGES else "en"


@cache
def command_line(lang: str) -> click.Group:
    """Return the commands, with help in a language; their words are in it too where no other is asked for."""
    say = partial(sentence, lang=lang)

    def option(*spelled: str, key: str = "", kind: str = "", shown: str = "", **more: Any) -> _Option:
        """Make an option: the key of its help, if not its last spelling; what it takes; how its default is shown."""
        text = say(f"cli.option.{key or spelled[-1].lstrip('-')}")
        if more.get("default") is not None and not shown:
            shown = say("cli.label.default", default=more["default"])
        metavar = say(f"cli.metavar.{kind}") if kind else None
        return _Option(spelled, help=f"{text} {shown}".rstrip(), metavar=metavar, **more)

    def form(known: tuple[str, ...]) -> _Option:
        """Make the option that names one of the known forms, the first of which is the default."""
        shown = say("cli.label.default_format", default=known[0])
        return option("format_", "--format", type=click.Choice(known), shown=shown)

    def words(**more: Any) -> _Option:
        """Make the option that names the language."""
        shown = say("cli.label.default_lang")
        return option("--lang", type=click.Choice(LANGUAGES), default=lang, shown=shown, **more)

    network = [
        _Argument(["net"], metavar=say("cli.metavar.net")),
        option("--hidden", kind="name", shown=say("cli.label.default", default="sigmoid")),
        option("output_activation", "--output", kind="name", shown=say("cli.label.default", default="identity")),
        option("--bias/--no-bias", key="bias", default=None),
        option("--loss", kind="name"),
        option("--reduction", kind="how"),
    ]
    numbers = [
        option("--x", kind="numbers"),
        option("--true", kind="numbers"),
        option("settings", "--set", kind="setting", multiple=True),
        option("--data", kind="file"),
        option("weights_file", "--weights", kind="file"),
        option("--seed", kind="number", type=click.IntRange(min=0), shown=say("cli.label.default", default=0)),
    ]
    training = [
        option("--epochs", kind="number", type=int, shown=say("cli.label.default", default=100)),
        option("--batch-size", kind="number", type=int, shown=say("cli.label.default", default=32)),
        option("--optimizer", kind="name", shown=say("cli.label.default", default="adam")),
        option("--rate", kind="number", type=float),
        option("--momentum", kind="number", type=float, shown=say("cli.label.default", default=0.9)),
        option("--weight-decay", kind="number", type=float),
        option("--schedule", kind="name", shown=say("cli.label.default", default="constant")),
        option("--warmup", kind="number", type=int, shown=say("cli.label.default", default=0)),
        option("--step-epochs", kind="number", type=int, shown=say("cli.label.default", default=30)),
        option("--step-factor", kind="number", type=float, shown=say("cli.label.default", default=0.1)),
        option("--rate-end", kind="number", type=float, shown=say("cli.label.default", default=0)),
        option("--seed", key="train_seed", kind="number", type=int, shown=say("cli.label.default", default=0)),
    ]
    digits = option("--digits", kind="number", type=click.IntRange(1, 17), default=6)
    shared = [words(), option("--notation", kind="name", default="seed"), option("-o", "--out", kind="file")]
    known = [
        _Command("derive", lang=lang, callback=derive, net=True, params=[
            *network,
            option("--of", kind="name"),
            option("every", "--all", key="all_lines", is_flag=True),
            option("--general", is_flag=True),
            option("--view", type=click.Choice(["scalar", "matrix", "both"]), default="scalar"),
            option("--depth", type=click.Choice(["shown", "substituted", "expanded", "both"]), default="shown"),
            option("--inputs", is_flag=True),
            option("--paths", is_flag=True),
            option("--samples", kind="samples"),
            option("--numbers", is_flag=True),
            *numbers, digits, form(DERIVE_FORMATS), *shared,
        ]),
        _Command("draw", lang=lang, callback=draw, net=True, params=[
            *network,
            option("--highlight", kind="name"),
            option("--direction", type=click.Choice(["forward", "backward"])),
            option("--expand", is_flag=True),
            option("--scale", kind="number", type=click.FloatRange(0.1, 20), default=2.0),
            form(DRAW_FORMATS), *shared,
        ]),
        _Command("values", lang=lang, callback=values, net=True, params=[
            *network, *numbers,
            option("every", "--all", key="all_rows", is_flag=True),
            option("--verify", is_flag=True),
            digits, form(VALUE_FORMATS), *shared,
        ]),
        _Command("export", lang=lang, callback=export, net=True, params=[
            *network,
            option("--to", kind="name", type=click.Choice(EXPORT_FORMS), required=True),
            option("--dtype", key="c_dtype", type=click.Choice(DTYPES),
                   shown=say("cli.label.default", default="float32")),
            option("--optimizer", key="c_optimizer", kind="name", shown=say("cli.label.default", default="sgd")),
            words(), option("-o", "--out", kind="file"),
        ]),
        _Command("lesson", lang=lang, callback=lesson, net=True, params=[
            *network, *numbers, *shared,
        ]),
        _Command("check", lang=lang, callback=check, net=True, params=[
            _Argument(["words"], nargs=-1, metavar=say("cli.metavar.check_words")),
            *network[1:],
            option("--infer", is_flag=True),
            option("--rubric", kind="file"),
            option("--marked", kind="file"),
            option("--repairs/--no-repairs", key="repairs", default=True),
            option("--as", "document_format", key="document_format", type=click.Choice(DOCUMENT_FORMATS)),
            option("--jobs", kind="number", type=click.IntRange(min=1)),
            option("--dask", kind="address"),
            option("--limit", kind="number", type=click.FloatRange(0.1, 3600), default=30.0),
            option("--resume/--no-resume", key="resume", default=True),
            option("format_", "--format", type=click.Choice(CHECK_FORMATS),
                   shown=say("cli.label.default", default="text")),
            words(), option("--notation", key="read_notation", kind="name"),
            option("-o", "--out", key="check_out", kind="file"),
        ]),
        _Command("exercise", lang=lang, callback=exercise, net=True, params=[
            *network,
            option("--view", type=click.Choice(["scalar", "matrix"]), default="scalar"),
            option("--samples", key="sample_count", kind="number", type=click.IntRange(1, 16)),
            option("--mistakes", kind="number", type=click.IntRange(0, 50), default=0),
            option("--part", type=click.Choice(EXERCISE_PARTS)),
            option("--seed", key="sheet_seed", kind="number", type=click.IntRange(min=0), default=0),
            form(EXERCISE_FORMATS), words(), option("-o", "--out", key="exercise_out", kind="file"),
        ]),
        _Command("train", lang=lang, callback=train, net=True, params=[
            network[0],
            _Argument(["data"], metavar=say("cli.metavar.samples_file")),
            *network[1:],
            option("--target", kind="columns"),
            option("inputs_", "--inputs", key="input_columns", kind="columns"),
            *training, option("--initial", kind="name", shown=say("cli.label.default", default="glorot_uniform")),
            option("--validation", kind="number", type=float, shown=say("cli.label.default", default=0.2)),
            option("--patience", kind="number", type=int),
            option("--standardise/--no-standardise", key="standardise", default=None),
            option("--dtype", type=click.Choice(DTYPES), shown=say("cli.label.default", default="float64")),
            option("--threads", kind="number", type=int, shown=say("cli.label.default", default=1)),
            option("--every", kind="number", type=click.FloatRange(0, 1e9), default=10.0),
            option("--resume/--no-resume", key="resume_training", default=None),
            option("format_", "--format", key="summary_format", type=click.Choice(["text", "json"]), default="text"),
            words(),
            option("--curve", kind="file"),
            option("-o", "--out", key="train_out", kind="file", default="model.safetensors"),
        ]),
        _Command("sweep", lang=lang, callback=sweep, net=True, params=[
            network[0],
            _Argument(["data"], metavar=say("cli.metavar.samples_file")),
            *network[1:],
            option("--networks", kind="networks"),
            option("--target", kind="columns"),
            option("inputs_", "--inputs", key="input_columns", kind="columns"),
            option("--seeds", kind="number", type=click.IntRange(min=1), default=10),
            option("--rates", kind="numbers"),
            option("--batch-sizes", kind="numbers"),
            option("--optimizers", kind="names"),
            option("--weight-decays", kind="numbers"),
            option("--initials", kind="names"),
            *training[:-1], option("--initial", kind="name", shown=say("cli.label.default", default="glorot_uniform")),
            option("--seed", key="sweep_seed", kind="number", type=int, shown=say("cli.label.default", default=0)),
            option("--validation", kind="number", type=float, shown=say("cli.label.default", default=0.2)),
            option("--patience", kind="number", type=int),
            option("--standardise/--no-standardise", key="standardise", default=None),
            option("--dtype", type=click.Choice(DTYPES), shown=say("cli.label.default", default="float64")),
            option("--threads", kind="number", type=int, shown=say("cli.label.default", default=1)),
            option("--jobs", key="sweep_jobs", kind="number", type=click.IntRange(min=1)),
            option("--dask", key="sweep_dask", kind="address"),
            option("--resume/--no-resume", key="resume_sweep", default=True),
            option("format_", "--format", key="summary_format", type=click.Choice(["text", "json", "csv"]),
                   default="text"),
            words(), option("-o", "--out", key="sweep_out", kind="folder"),
        ]),
        _Command("predict", lang=lang, callback=predict, params=[
            _Argument(["model"], metavar=say("cli.metavar.model")),
            _Argument(["data"], metavar=say("cli.metavar.samples_file")),
            option("--probabilities", is_flag=True),
            option("--measure", is_flag=True),
            form(PREDICT_FORMATS), words(), option("-o", "--out", kind="file"),
        ]),
        _Command("cache", lang=lang, callback=cache_of_code, params=[
            option("--clear", is_flag=True), words(),
        ]),
        _Command("completion", lang=lang, callback=completion, params=[
            _Argument(["shell"], metavar=f"{{{'|'.join(SHELLS)}}}", type=click.Choice(SHELLS)),
            words(expose_value=False),
        ]),
    ]  # fmt: skip
    group = _Commands(
        "chainrule", lang=lang, callback=_start, net=True, params=[words(expose_value=False, allow_from_autoenv=False)],
        commands={str(command.name): command for command in known}, subcommand_metavar=say("cli.label.command_metavar"),
        invoke_without_command=True, no_args_is_help=False,
    )  # fmt: skip
    version = say("cli.label.version", version=__version__)
    return click.version_option(__version__, message=version, help=say("cli.option.version"), cls=_Option)(group)


def _start() -> None:
    context = click.get_current_context()
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


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


def export(**options: Any) -> None:
    """Write NET and its gradients as code."""
    from chainrule.export import export as exported

    chosen = {name: options[name] for name in ("dtype", "optimizer") if options[name] is not None}
    if chosen and not options["to"].startswith("c"):
        raise _Misuse("only_for_c", click.get_current_context(), name=f"--{next(iter(chosen))}", form=options["to"])
    _emit_text(options["out"], [exported(_network(options), options["to"], **chosen)])


def lesson(**options: Any) -> None:
    """Write NET as a page to click and drag: one HTML file, offline."""
    from chainrule.page import lesson as written

    if options["out"] and os.path.splitext(options["out"])[1].lower() not in (".html", ".htm"):
        suffix = os.path.splitext(options["out"])[1]
        raise SelectionError("format_ending", read=options["out"], ending=suffix, known=".html")
    net = _network(options)
    page = written(net, values=_values(net, options), notation=options["notation"], lang=options["lang"])
    _emit_text(options["out"], [page])


def check(words: tuple[str, ...], **options: Any) -> None:
    """Judge documents line by line against NET, or against the network that they speak of."""
    from chainrule.judge.command import are_many, check_documents

    names = list(words)
    if not options["infer"]:
        if not names:
            raise _Misuse("missing", click.get_current_context(), name="NET")
        options["net"] = names.pop(0)
    if not names:
        raise _Misuse("missing", click.get_current_context(), name="FILE")
    net = None if options["infer"] else _network(options)
    options["colour"] = _coloured(options["out"]) and options["format_"] in (None, "text")
    code = 0

    def pieces() -> Iterable[str]:
        nonlocal code
        for piece in check_documents(net, names, options):
            if isinstance(piece, int):
                code = piece
            else:
                yield piece

    _emit_text(None if are_many(names, options) else options["out"], pieces())
    if code:
        raise click.exceptions.Exit(code)


def exercise(**options: Any) -> None:
    """Write an exercise sheet about NET, its answer key and a rubric; or a solution with mistakes to be found."""
    from chainrule.judge.exercise import exercise as make

    out, part = options["out"], options["part"]
    made = make(
        _network(options), format=_format({**options, "out": None if _is_folder(out) else out}, EXERCISE_FORMATS,
                                          "markdown"),
        **{name: options[name] for name in ("seed", "mistakes", "view", "samples", "lang")},
    )  # fmt: skip
    if out is None or part is not None:
        part = part or ("errors" if options["mistakes"] else "sheet")
        if part not in made.parts:
            raise SelectionError("no_mistakes", read=part)
        content = made.parts[part]
        if isinstance(content, bytes):
            _emit_bytes(out, content)
        else:
            _emit_text(out, [content])
        return
    from chainrule.output import write_into, write_together

    if _is_folder(out):
        write_into(out, made.files())
    else:
        folder, name = os.path.split(out)
        files = made.files(os.path.splitext(name)[0])
        write_together({os.path.join(folder, file): content for file, content in files.items()})


def train(data: str, **options: Any) -> None:
    """Train NET on samples, and keep it in a file."""
    from chainrule.train.command import train_network

    _emit_text(None, train_network(_network(options), data, options))


def sweep(data: str, **options: Any) -> None:
    """Train NET with many seeds and settings, and other networks beside it, and compare them."""
    from chainrule.train.command import words
    from chainrule.train.sweep_command import sweep_network

    nets = [_network({**options, "net": net}) for net in (options["net"], *(words(options["networks"]) or ()))]
    _emit_text(None, sweep_network(nets, data, options))


def predict(model: str, data: str, **options: Any) -> None:
    """Answer for each row of a file with a trained network."""
    from chainrule.train.command import predict_file

    options["format_"] = _format(options, PREDICT_FORMATS, "csv")
    answers = predict_file(model, data, options)
    if isinstance(answers, bytes):
        _emit_bytes(options["out"], answers)
    else:
        _emit_text(options["out"], answers)


def cache_of_code(clear: bool, lang: str) -> None:
    """Say how much compiled code is kept, and where; or remove it."""
    from chainrule.native import cache_folder, cache_size, clear_cache

    count, total = clear_cache() if clear else cache_size()
    said = sentence(
        f"native.{'cleared' if clear else 'kept'}", lang=lang, count=count, size=f"{total / 2**20:.1f}",
        folder=cache_folder(),
    )  # fmt: skip
    _emit_text(None, [f"{said}\n"])


def completion(shell: str) -> None:
    """Print the script that completes commands and options in a shell."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(click.Group(), {}, "chainrule", "_CHAINRULE_COMPLETE").source())


class _Misuse(click.UsageError):
    """A command line that cannot be read: the key of its sentence, the facts, and what was perhaps meant."""

    def __init__(self, key: str, context: click.Context, near: Iterable[str] = (), **facts: Any) -> None:
        super().__init__(key, context)
        self.key = key
        self.near = tuple(near)
        self.facts = facts


def _complaint(error: click.ClickException, lang: str) -> str:
    """Return how an error in the command line is said: the usage, where there is help, and what is wrong."""
    say = partial(sentence, lang=lang)
    near: Iterable[str] = ()
    match error:
        case _Misuse():
            message, near = say(f"cli.misuse.{error.key}", **error.facts), error.near
        case click.NoSuchOption():
            message, near = say("cli.misuse.no_option", read=error.option_name), error.possibilities or ()
        case click.BadOptionUsage():
            known = error.ctx.command.params if error.ctx else ()
            takes = any(
                error.option_name in option.opts
                for option in known
                if isinstance(option, _Option) and not option.is_flag
            )
            message = say(f"cli.misuse.{'needs_value' if takes else 'takes_no_value'}", name=error.option_name)
        case click.MissingParameter() if error.param:
            message = say("cli.misuse.missing", name=error.param.human_readable_name)
        case _:
            message = error.format_message()
    if near:
        message += " " + say("cli.misuse.near", near=", ".join(near))
    lines = [say("cli.misuse.error", message=message)]
    if isinstance(error, click.UsageError) and error.ctx:
        lines = [error.ctx.get_usage(), say("cli.misuse.try", command=error.ctx.command_path), "", *lines]
    return "\n".join(lines)


class _Page(click.HelpFormatter):
    """A page of help, measured in columns of a terminal, of which Hangul takes two."""

    def write_text(self, text: str) -> None:
        for line in _wrapped(text, self.width - self.current_indent):
            self.write(f"{'':{self.current_indent}}{line}".rstrip() + "\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        rows = list(rows)
        first = min(max(columns(term) for term, _ in rows), col_max) + col_spacing
        pad = " " * (self.current_indent + first)
        for term, text in rows:
            lines = _wrapped(text, self.width - len(pad))
            if columns(term) > first - col_spacing:
                self.write(f"{'':{self.current_indent}}{term}\n")
            else:
                self.write(f"{'':{self.current_indent}}{term}{' ' * (first - columns(term))}{lines.pop(0)}\n")
            self.write("".join(f"{pad}{line}\n" for line in lines))


def _wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text's paragraphs. What stands in brackets or quotes is not broken.

    A paragraph that starts with a backspace keeps its lines, as click has it.
    """
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        lines += [""] if lines else []
        if paragraph.startswith("\b\n"):
            lines += paragraph.splitlines()[1:]
            continue
        line = ""
        for word in re.findall(r"\[[^]]*\]|\B'[^']*'\S*|\S+", paragraph):
            if line and columns(line) + 1 + columns(word) > width:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    return lines


class _Context(click.Context):
    """A run of a command, whose help is such a page."""

    formatter_class = _Page


class _Spoken(click.Command):
    """A command whose help is in one language."""

    context_class = _Context
    allow_extra_args = True  # to refuse them in this language

    def __init__(self, name: str, *, lang: str, net: bool = False, **settings: Any) -> None:
        self.say = say = partial(sentence, lang=lang)
        summary = say(f"cli.command.{name}.summary")
        super().__init__(
            name,
            help=f"{summary}\n\n{say('cli.argument.net')}" if net else summary,
            short_help=summary,
            epilog=say(f"cli.command.{name}.epilog"),
            options_metavar=say("cli.label.options_metavar"),
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
            **settings,
        )

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = self.say("cli.option.help")
        return option

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.BadOptionUsage as error:
            error.ctx = error.ctx or ctx
            raise

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        pieces = " ".join(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, prefix=self.say("cli.label.usage") + " ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [option for option in self.get_params(ctx) if isinstance(option, click.Option)]
        with formatter.section(self.say("cli.label.options")):
            formatter.write_dl([row for option in options if (row := option.get_help_record(ctx))])


class _Command(_Spoken):
    """A command with arguments."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        extra = super().parse_args(ctx, args)
        if extra and not ctx.resilient_parsing:
            raise _Misuse("extra", ctx, read=" ".join(extra))
        return extra


class _Commands(_Spoken, click.Group):
    """The commands together."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise _Misuse("no_command", ctx, _near(args[0], self.commands), read=args[0])
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        with formatter.section(self.say("cli.label.commands")):
            formatter.write_dl([(name, self.commands[name].get_short_help_str()) for name in self.list_commands(ctx)])


class _Option(click.Option):
    """An option of which its help says everything, and whose values are refused in the language of the command."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        return record and (record[0], self.help or "")

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        try:
            return super().type_cast_value(ctx, value)
        except click.BadParameter:
            raise _refusal(self, ctx, value) from None


class _Argument(click.Argument):
    """An argument whose values are refused in the language of the command."""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        try:
            return super().type_cast_value(ctx, value)
        except click.BadParameter:
            raise _refusal(self, ctx, value) from None


def _refusal(parameter: click.Parameter, context: click.Context, value: object) -> _Misuse:
    """Return what is said of a value that a parameter does not take."""
    name = parameter.human_readable_name if isinstance(parameter, click.Argument) else max(parameter.opts, key=len)
    kind, read = parameter.type, str(value)
    if isinstance(kind, click.Choice):
        known = [str(choice) for choice in kind.choices]
        return _Misuse("choice", context, _near(read, known), name=name, read=read, known=", ".join(known))
    if isinstance(kind, click.IntRange | click.FloatRange):
        key = "number" if isinstance(kind, click.FloatRange) else "whole_from" if kind.max is None else "whole"
        return _Misuse(key, context, name=name, read=read, low=kind.min, high=kind.max)
    return _Misuse("value", context, name=name, read=read)


def _near(read: str, known: Iterable[str]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(read, list(known))


def _network(options: dict[str, Any]) -> Network:
    from chainrule.network import Network

    return Network.read(
        options["net"], hidden=options["hidden"], output=options["output_activation"], bias=options["bias"],
        loss=options["loss"], reduction=options["reduction"],
    )  # fmt: skip


def _is_folder(out: str | None) -> bool:
    """Return whether several files are to be written into a folder of this name, rather than beside one of it."""
    return out is not None and (os.path.isdir(out) or not os.path.splitext(out)[1])


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


commands = command_line("en")
"""The commands in English, as the documents have them."""
