"""Commands in one language: click's help, usage and refusals, said from `prose/` and measured in columns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from typing import Any

import click

from chainrule.prose import sentence
from chainrule.width import columns


class Misuse(click.UsageError):
    """A command line that cannot be read: the key of its sentence, the facts, and what was perhaps meant."""

    def __init__(self, key: str, context: click.Context, near: Iterable[str] = (), **facts: Any) -> None:
        super().__init__(key, context)
        self.key = key
        self.near = tuple(near)
        self.facts = facts


def complaint(error: click.ClickException, lang: str) -> str:
    """Return how an error in the command line is said: the usage, where there is help, and what is wrong."""
    say = partial(sentence, lang=lang)
    near: Iterable[str] = ()
    match error:
        case Misuse():
            message, near = say(f"cli.misuse.{error.key}", **error.facts), error.near
        case click.NoSuchOption():
            message, near = say("cli.misuse.no_option", read=error.option_name), error.possibilities or ()
        case click.BadOptionUsage():
            known = error.ctx.command.params if error.ctx else ()
            takes = any(
                error.option_name in option.opts
                for option in known
                if isinstance(option, Option) and not option.is_flag
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


class Spoken(click.Command):
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


class Command(Spoken):
    """A command with arguments."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        extra = super().parse_args(ctx, args)
        if extra and not ctx.resilient_parsing:
            raise Misuse("extra", ctx, read=" ".join(extra))
        return extra


class Commands(Spoken, click.Group):
    """The commands together."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise Misuse("no_command", ctx, _nearest(args[0], self.commands), read=args[0])
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        with formatter.section(self.say("cli.label.commands")):
            formatter.write_dl([(name, self.commands[name].get_short_help_str()) for name in self.list_commands(ctx)])


class Option(click.Option):
    """An option of which its help says everything, and whose values are refused in the language of the command."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        return record and (record[0], self.help or "")

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        try:
            return super().type_cast_value(ctx, value)
        except click.BadParameter:
            raise _refusal(self, ctx, value) from None


class Argument(click.Argument):
    """An argument whose values are refused in the language of the command."""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        try:
            return super().type_cast_value(ctx, value)
        except click.BadParameter:
            raise _refusal(self, ctx, value) from None


def _refusal(parameter: click.Parameter, context: click.Context, value: object) -> Misuse:
    """Return what is said of a value that a parameter does not take."""
    name = parameter.human_readable_name if isinstance(parameter, click.Argument) else max(parameter.opts, key=len)
    kind, read = parameter.type, str(value)
    if isinstance(kind, click.Choice):
        known = [str(choice) for choice in kind.choices]
        return Misuse("choice", context, _nearest(read, known), name=name, read=read, known=", ".join(known))
    if isinstance(kind, click.IntRange | click.FloatRange):
        key = "number" if isinstance(kind, click.FloatRange) else "whole_from" if kind.max is None else "whole"
        return Misuse(key, context, name=name, read=read, low=kind.min, high=kind.max)
    return Misuse("value", context, name=name, read=read)


def _nearest(read: str, known: Iterable[str]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(read, list(known))
