"""The command line: `chainrule derive`, `draw`, `values`, `check`, …. What a command needs is imported inside it.

Help and misuse are said in English or Korean: `command_line` builds the commands for a language, from `prose/`.

Exit codes: 0 for done, 1 for "checked and something is wrong", 2 for misuse or bad input, 130 when interrupted.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import click

from chainrule import __version__
from chainrule.errors import ChainruleError, SelectionError
from chainrule.options import (
    coloured,
    emit_bytes,
    emit_text,
    format_of,
    is_folder,
    network_of,
    paths_of,
    sample_count,
    values_of,
)
from chainrule.prose import LANGUAGES, sentence
from chainrule.spoken import Argument, Command, Commands, Misuse, Option, complaint

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.train.model import Model

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
        click.echo(complaint(error, lang), err=True)
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

    def option(*spelled: str, key: str = "", kind: str = "", shown: str = "", **more: Any) -> Option:
        """Make an option: the key of its help, if not its last spelling; what it takes; how its default is shown."""
        text = say(f"cli.option.{key or spelled[-1].lstrip('-')}")
        if more.get("default") is not None and not shown:
            shown = say("cli.label.default", default=more["default"])
        metavar = say(f"cli.metavar.{kind}") if kind else None
        return Option(spelled, help=f"{text} {shown}".rstrip(), metavar=metavar, **more)

    def form(known: tuple[str, ...]) -> Option:
        """Make the option that names one of the known forms, the first of which is the default."""
        shown = say("cli.label.default_format", default=known[0])
        return option("format_", "--format", type=click.Choice(known), shown=shown)

    def words(**more: Any) -> Option:
        """Make the option that names the language."""
        shown = say("cli.label.default_lang")
        return option("--lang", type=click.Choice(LANGUAGES), default=lang, shown=shown, **more)

    network = [
        Argument(["net"], metavar=say("cli.metavar.net")),
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
        Command("derive", lang=lang, callback=derive, net=True, params=[
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
        Command("draw", lang=lang, callback=draw, net=True, params=[
            *network,
            option("--highlight", kind="name"),
            option("--direction", type=click.Choice(["forward", "backward"])),
            option("--expand", is_flag=True),
            option("--scale", kind="number", type=click.FloatRange(0.1, 20), default=2.0),
            form(DRAW_FORMATS), *shared,
        ]),
        Command("values", lang=lang, callback=values, net=True, params=[
            *network, *numbers,
            option("every", "--all", key="all_rows", is_flag=True),
            option("--verify", is_flag=True),
            digits, form(VALUE_FORMATS), *shared,
        ]),
        Command("export", lang=lang, callback=export, net=True, params=[
            *network,
            option("--to", kind="name", type=click.Choice(EXPORT_FORMS), required=True),
            option("--dtype", key="c_dtype", type=click.Choice(DTYPES),
                   shown=say("cli.label.default", default="float32")),
            option("--optimizer", key="c_optimizer", kind="name", shown=say("cli.label.default", default="sgd")),
            words(), option("-o", "--out", kind="file"),
        ]),
        Command("lesson", lang=lang, callback=lesson, net=True, params=[
            *network, *numbers, *shared,
        ]),
        Command("check", lang=lang, callback=check, net=True, params=[
            Argument(["words"], nargs=-1, metavar=say("cli.metavar.check_words")),
            *network[1:],
            option("--infer", is_flag=True),
            option("--code", kind="file"),
            option("--function", kind="name"),
            option("--memory", kind="number", type=click.IntRange(min=64),
                   shown=say("cli.label.default", default=4096)),
            option("--seed", key="code_seed", kind="number", type=click.IntRange(min=0),
                   shown=say("cli.label.default", default=0)),
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
        Command("exercise", lang=lang, callback=exercise, net=True, params=[
            *network,
            option("--view", type=click.Choice(["scalar", "matrix"]), default="scalar"),
            option("--samples", key="sample_count", kind="number", type=click.IntRange(1, 16)),
            option("--mistakes", kind="number", type=click.IntRange(0, 50), default=0),
            option("--part", type=click.Choice(EXERCISE_PARTS)),
            option("--seed", key="sheet_seed", kind="number", type=click.IntRange(min=0), default=0),
            form(EXERCISE_FORMATS), words(), option("-o", "--out", key="exercise_out", kind="file"),
        ]),
        Command("train", lang=lang, callback=train, net=True, params=[
            network[0],
            Argument(["data"], metavar=say("cli.metavar.samples_file")),
            *network[1:],
            option("--target", kind="columns"),
            option("inputs_", "--inputs", key="input_columns", kind="columns"),
            *training, option("--initial", kind="name", shown=say("cli.label.default", default="glorot_uniform")),
            option("--validation", kind="number", type=float, shown=say("cli.label.default", default=0.2)),
            option("--patience", kind="number", type=int),
            option("--standardise/--no-standardise", key="standardise", default=None),
            option("--dtype", type=click.Choice(DTYPES), shown=say("cli.label.default", default="float64")),
            option("--threads", kind="number", type=int, shown=say("cli.label.default", default=1)),
            option("--jobs", key="train_jobs", kind="number", type=click.IntRange(min=1)),
            option("--dask", key="train_dask", kind="address"),
            option("--every", kind="number", type=click.FloatRange(0, 1e9), default=10.0),
            option("--resume/--no-resume", key="resume_training", default=None),
            option("format_", "--format", key="summary_format", type=click.Choice(["text", "json"]), default="text"),
            words(),
            option("--curve", kind="file"),
            option("-o", "--out", key="train_out", kind="file", default="model.safetensors"),
        ]),
        Command("sweep", lang=lang, callback=sweep, net=True, params=[
            network[0],
            Argument(["data"], metavar=say("cli.metavar.samples_file")),
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
        Command("predict", lang=lang, callback=predict, params=[
            Argument(["model"], metavar=say("cli.metavar.model")),
            Argument(["data"], metavar=say("cli.metavar.samples_file")),
            option("--probabilities", is_flag=True),
            option("--measure", is_flag=True),
            form(PREDICT_FORMATS), words(), option("-o", "--out", kind="file"),
        ]),
        Command("serve", lang=lang, callback=serve, net=True, params=[
            Argument(["net"], metavar=say("cli.metavar.net_or_none"), required=False, default="2-3-2-1"),
            *network[1:],
            option("--host", kind="address", default="127.0.0.1"),
            option("--port", kind="number", type=click.IntRange(0, 65535), default=8055),
            option("--allow-host", kind="name", multiple=True),
            option("open_", "--open/--no-open", key="open", default=None),
            option("--jobs", key="serve_jobs", kind="number", type=click.IntRange(min=1)),
            option("--limit", key="serve_limit", kind="number", type=click.FloatRange(0.1, 3600), default=10.0),
            words(),
        ]),
        Command("cache", lang=lang, callback=cache_of_code, params=[
            option("--clear", is_flag=True), words(),
        ]),
        Command("completion", lang=lang, callback=completion, params=[
            Argument(["shell"], metavar=f"{{{'|'.join(SHELLS)}}}", type=click.Choice(SHELLS)),
            words(expose_value=False),
        ]),
    ]  # fmt: skip
    group = Commands(
        "chainrule", lang=lang, callback=_start, net=True, params=[words(expose_value=False, allow_from_autoenv=False)],
        commands={str(command.name): command for command in known}, subcommand_metavar=say("cli.label.command_metavar"),
        invoke_without_command=True, no_args_is_help=False,
    )  # fmt: skip
    version = say("cli.label.version", version=__version__)
    return click.version_option(__version__, message=version, help=say("cli.option.version"), cls=Option)(group)


def _start() -> None:
    context = click.get_current_context()
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


def derive(**options: Any) -> None:
    """Derive ∂loss/∂w for every w of NET, line by line."""
    from chainrule.show.compose import compose

    net = network_of(options)
    format_ = format_of(options, DERIVE_FORMATS, "text")
    numbered = options["numbers"] or any(options[name] for name in ("x", "true", "settings", "data", "weights_file"))
    numbers = values_of(net, options) if numbered else None
    derivation = net.derive(samples=sample_count(options, numbers))
    if options["paths"]:
        emit_text(options["out"], paths_of(derivation, options["of"]))
        return
    shown: dict[str, Any] = {
        name: options[name]
        for name in ("of", "view", "every", "general", "notation", "lang", "depth", "digits", "inputs")
    }
    shown["numbers"] = numbers
    if format_ == "json":
        from chainrule.show.json import iter_json

        emit_text(options["out"], iter_json(derivation, **shown))
        return
    document = compose(derivation, **shown)
    if format_ == "pdf":
        from chainrule.show.typst import to_pdf

        emit_bytes(options["out"], to_pdf(document))
        return
    from chainrule.show import emitter_of
    from chainrule.show.emit import emit

    emit_text(options["out"], emit(emitter_of(document, format_, colour=coloured(options["out"]))))


def draw(**options: Any) -> None:
    """Draw NET, left to right, every weight labelled."""
    from chainrule.show.drawing import draw as draw_network

    net = network_of(options)
    format_ = format_of(options, DRAW_FORMATS, "svg")
    picture = draw_network(
        net, format=format_, highlight=options["highlight"], direction=options["direction"],
        notation=options["notation"], lang=options["lang"], expand=options["expand"], scale=options["scale"],
    )  # fmt: skip
    if isinstance(picture, bytes):
        emit_bytes(options["out"], picture)
    else:
        emit_text(options["out"], [picture])


def values(**options: Any) -> None:
    """Evaluate NET: the number of every symbol and of every partial."""
    from chainrule.show.table import passed, write_values
    from chainrule.values import verify

    net = network_of(options)
    format_ = format_of(options, VALUE_FORMATS, "text")
    found = values_of(net, options)
    checked = verify(found) if options["verify"] else None
    pieces = write_values(
        found, format_, verification=checked, notation=options["notation"], lang=options["lang"],
        digits=options["digits"], every=options["every"],
    )  # fmt: skip
    emit_text(options["out"], pieces)
    if checked is not None and not passed(checked):
        raise click.exceptions.Exit(1)


def export(**options: Any) -> None:
    """Write NET and its gradients as code."""
    from chainrule.export import export as exported

    chosen = {name: options[name] for name in ("dtype", "optimizer") if options[name] is not None}
    if chosen and not options["to"].startswith("c"):
        raise Misuse("only_for_c", click.get_current_context(), name=f"--{next(iter(chosen))}", form=options["to"])
    emit_text(options["out"], [exported(_model_or_network(options), options["to"], **chosen)])


def _model_or_network(options: dict[str, Any]) -> Network | Model:
    """Return the model in a file of safetensors, or the network that a command is about."""
    if not options["net"].endswith(".safetensors"):
        return network_of(options)
    from chainrule.train.model import Model

    about = {"hidden": "--hidden", "output_activation": "--output", "bias": "--bias", "loss": "--loss",
             "reduction": "--reduction"}  # fmt: skip
    given = [option for name, option in about.items() if options[name] is not None]
    if given:
        raise Misuse("not_for_a_model", click.get_current_context(), name=given[0], read=options["net"])
    return Model.load(options["net"])


def lesson(**options: Any) -> None:
    """Write NET as a page to click and drag: one HTML file, offline."""
    from chainrule.page import lesson as written

    if options["out"] and os.path.splitext(options["out"])[1].lower() not in (".html", ".htm"):
        suffix = os.path.splitext(options["out"])[1]
        raise SelectionError("format_ending", read=options["out"], ending=suffix, known=".html")
    net = network_of(options)
    page = written(net, values=values_of(net, options), notation=options["notation"], lang=options["lang"])
    emit_text(options["out"], [page])


def check(words: tuple[str, ...], **options: Any) -> None:
    """Judge documents line by line against NET, or against the network that they speak of."""
    from chainrule.judge.command import are_many, check_documents

    names = list(words)
    if not options["infer"] or options["code"]:
        if not names:
            raise Misuse("missing", click.get_current_context(), name="NET")
        options["net"] = names.pop(0)
    if options["code"]:
        _check_code(names, options)
        return
    if not names:
        raise Misuse("missing", click.get_current_context(), name="FILE")
    net = None if options["infer"] else network_of(options)
    many = are_many(names, options)
    if not many:
        options["format_"] = format_of(options, CHECK_FORMATS, "text")
    options["colour"] = coloured(options["out"]) and options["format_"] in (None, "text")
    code = 0

    def pieces() -> Iterable[str]:
        nonlocal code
        for piece in check_documents(net, names, options):
            if isinstance(piece, int):
                code = piece
            else:
                yield piece

    source = pieces()
    emit_text(None if many else options["out"], source)
    for _ in source:  # whose reader has left: what is wrong is wrong all the same
        pass
    if code:
        raise click.exceptions.Exit(code)


def _check_code(names: list[str], options: dict[str, Any]) -> None:
    """Judge a gradient function against NET."""
    from chainrule.judge.code.forms import FORMS, write
    from chainrule.judge.front import check_code

    if names:
        raise Misuse("extra", click.get_current_context(), read=" ".join(names))
    form = options["format_"] or "text"
    if form not in FORMS:
        raise SelectionError("form_of_code", read=form, known=", ".join(FORMS))
    given = {name: options[name] for name in ("function", "memory", "seed") if options[name] is not None}
    report = check_code(options["code"], network_of(options), seconds=options["limit"], **given)
    colour = form == "text" and coloured(options["out"])
    emit_text(options["out"], write(report, form, lang=options["lang"], colour=colour))
    if report.wrong:
        raise click.exceptions.Exit(1)


def exercise(**options: Any) -> None:
    """Write an exercise sheet about NET, its answer key and a rubric; or a solution with mistakes to be found."""
    from chainrule.judge.exercise import exercise as make

    out, part = options["out"], options["part"]
    made = make(
        network_of(options), format=format_of({**options, "out": None if is_folder(out) else out}, EXERCISE_FORMATS,
                                          "markdown"),
        **{name: options[name] for name in ("seed", "mistakes", "view", "samples", "lang")},
    )  # fmt: skip
    if out is None or part is not None:
        part = part or ("errors" if options["mistakes"] else "sheet")
        if part not in made.parts:
            raise SelectionError("no_mistakes", read=part)
        content = made.parts[part]
        if isinstance(content, bytes):
            emit_bytes(out, content)
        else:
            emit_text(out, [content])
        return
    from chainrule.output import write_into, write_together

    if is_folder(out):
        write_into(out, made.files())
    else:
        folder, name = os.path.split(out)
        files = made.files(os.path.splitext(name)[0])
        write_together({os.path.join(folder, file): content for file, content in files.items()})


def train(data: str, **options: Any) -> None:
    """Train NET on samples, and keep it in a file."""
    from chainrule.train.command import train_network

    emit_text(None, train_network(network_of(options), data, options))


def sweep(data: str, **options: Any) -> None:
    """Train NET with many seeds and settings, and other networks beside it, and compare them."""
    from chainrule.train.command import words
    from chainrule.train.sweep_command import sweep_network

    nets = [network_of({**options, "net": net}) for net in (options["net"], *(words(options["networks"]) or ()))]
    emit_text(None, sweep_network(nets, data, options))


def predict(model: str, data: str, **options: Any) -> None:
    """Answer for each row of a file with a trained network."""
    from chainrule.train.command import predict_file

    options["format_"] = format_of(options, PREDICT_FORMATS, "csv")
    answers = predict_file(model, data, options)
    if isinstance(answers, bytes):
        emit_bytes(options["out"], answers)
    else:
        emit_text(options["out"], answers)


def serve(**options: Any) -> None:
    """Serve the page of NET to browsers on this machine."""
    from chainrule.train.sources import need

    for module in ("starlette", "uvicorn"):
        need(module, "serve")
    from chainrule.serve.command import serve as serve_page

    serve_page(network_of(options), options)


def cache_of_code(clear: bool, lang: str) -> None:
    """Say how much compiled code is kept, and where; or remove it."""
    from chainrule.native import cache_folder, cache_size, clear_cache

    count, total = clear_cache() if clear else cache_size()
    said = sentence(
        f"native.{'cleared' if clear else 'kept'}", lang=lang, count=count, size=f"{total / 2**20:.1f}",
        folder=cache_folder(),
    )  # fmt: skip
    emit_text(None, [f"{said}\n"])


def completion(shell: str) -> None:
    """Print the script that completes commands and options in a shell."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(click.Group(), {}, "chainrule", "_CHAINRULE_COMPLETE").source())


commands = command_line("en")
"""The commands in English, as the documents have them."""
