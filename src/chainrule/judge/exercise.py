"""Exercise sheets: given numbers, what is asked, the key with every step, a rubric; solutions with planted mistakes.

Everything follows from the network and a seed. A planted mistake is one that the judge finds and names in its document:
one that would be taken for another is drawn again.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chainrule.errors import ChainruleError
from chainrule.expr import Partial, Ref
from chainrule.judge.api import check, judge_of
from chainrule.judge.report import Verdict
from chainrule.judge.slips import Slip, slips
from chainrule.network import Given, Network
from chainrule.notation import plain
from chainrule.prose import sentence
from chainrule.rules import LOSSES
from chainrule.show import render, render_step
from chainrule.views import Lines

if TYPE_CHECKING:
    from chainrule.derive import Derivation

FORMATS = ("markdown", "latex", "pdf", "notebook")
SUFFIXES = {"markdown": ".md", "latex": ".tex", "pdf": ".pdf", "notebook": ".ipynb"}

MOST_WEIGHTS = 400
"""The largest network that a sheet is written for."""

MOST_DRAWS = 400
"""How many slips are drawn in search of one that has one name only."""


class ExerciseError(ChainruleError):
    """A sheet that cannot be written: a network too large, or more mistakes than lines."""


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph or a displayed formula (in the markup of the form)."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Planted:
    """A mistake in a solution: on which of its lines, and what it is."""

    number: int
    target: str
    slip: Slip


def exercise(
    net: Network, *, seed: int = 0, mistakes: int = 0, format: str = "markdown", lang: str = "en"
) -> dict[str, str | bytes]:
    """Return the files of an exercise by their names.

    `sheet` asks, `key` answers with every step and number, `network.toml` holds the network with its numbers and
    `rubric.toml` the points: `chainrule check network.toml ANSWER --rubric rubric.toml` marks an answer. With mistakes,
    `errors` is a solution to be searched for them, and `errors-key` says where they are.

    Args:
        net: the network; numbers that it gives are kept.
        seed: what is drawn follows from it.
        mistakes: how many mistakes to plant.
        format: one of `FORMATS`.
        lang: `en` or `ko`.

    Raises:
        ExerciseError: where the network is too large, or has too few lines for so many mistakes.

    Example:
        >>> sorted(exercise(Network.read("2-2-1"), mistakes=2))
        ['errors-key.md', 'errors.md', 'key.md', 'network.toml', 'rubric.toml', 'sheet.md']
    """
    if net.weight_count > MOST_WEIGHTS:
        raise ExerciseError("exercise_too_large", read=net.weight_count, most=MOST_WEIGHTS)
    rng = random.Random(seed)
    given = with_numbers(net, rng)
    markup = "typst" if format == "pdf" else "latex"
    derivation = given.derive()
    suffix = SUFFIXES[format]
    write = _writers()[format]
    targets = weights_of(derivation)
    values = given.values()
    files: dict[str, str | bytes] = {
        f"sheet{suffix}": write([*_sheet(given, derivation, markup, lang)]),
        f"key{suffix}": _key(derivation, values, format, lang),
        "network.toml": given.to_toml(),
        "rubric.toml": _rubric(targets),
    }
    if mistakes:
        lines = [*_lines(derivation, markup)]
        planted = plant(net, lines, markup, mistakes, rng)
        files[f"errors{suffix}"] = write([*_errors(lines, planted, lang)])
        files[f"errors-key{suffix}"] = write([*_errors_key(planted, lang)])
    return files


def with_numbers(net: Network, rng: random.Random) -> Network:
    """Return a network with a number for everything that has none: tenths, so that they can be worked with by hand."""

    def tenth(low: int, high: int) -> float:
        return rng.choice([n for n in range(low, high + 1) if n]) / 10

    known = {weight for weight, _ in net.given.weights}
    leaders = {weight: tie[0] for tie in net.ties for weight in tie}
    drawn: dict[Any, float] = {}
    weights = list(net.given.weights)
    for weight in net.weights():
        if weight not in known:
            leader = leaders.get(weight, weight)
            weights.append((weight, drawn.setdefault(leader, tenth(-9, 9))))
    places = {place for place, _ in net.given.biases}
    biases = list(net.given.biases)
    for level, layer in enumerate(net.layers, start=1):
        own = [unit for unit in range(1, layer.size + 1) if layer.has_bias(unit) and (level, unit) not in places]
        biases += [((level, unit), tenth(-5, 5)) for unit in own]
    inputs = net.given.inputs or (tuple(tenth(-10, 10) for _ in range(net.inputs)),)
    targets = net.given.targets or tuple(_targets(net, rng) for _ in inputs)
    return net.replace(given=Given(tuple(weights), tuple(biases), inputs, targets))


def _targets(net: Network, rng: random.Random) -> tuple[float, ...]:
    kind = LOSSES[net.loss.name]
    outputs = len(net.output_units)
    if kind.class_index:
        return (float(rng.randint(1, outputs)),)
    if kind.targets in ("distribution", "shares"):
        chosen = rng.randrange(outputs)
        return tuple(float(unit == chosen) for unit in range(outputs))
    if kind.targets == "sign":
        return tuple(rng.choice((-1.0, 1.0)) for _ in range(outputs))
    if kind.targets == "probability":
        return tuple(float(rng.randint(0, 1)) for _ in range(outputs))
    return tuple(rng.randint(-10, 10) / 10 for _ in range(outputs))


def weights_of(derivation: Derivation) -> list[Ref]:
    """Return the weights and biases whose gradients are asked for."""
    lines = Lines(derivation)
    refs = [ref for family in derivation.families for ref in lines.instances(family)]
    return [ref for ref in refs if isinstance(ref, Ref) and ref.symbol.kind in ("w", "b")]


def _lines(derivation: Derivation, markup: str) -> Iterator[tuple[str, str]]:
    """Yield every line of the derivation: what it derives, in plain spelling, and its source."""
    lines = Lines(derivation)
    for family in derivation.families:
        for ref in lines.instances(family):
            step = lines.step(ref)
            yield plain(step.partial) if isinstance(step.partial, Partial) else "", render_step(step, markup)


# Mistakes


def plant(net: Network, lines: Sequence[tuple[str, str]], markup: str, count: int, rng: random.Random) -> list[Planted]:
    """Return mistakes on as many different lines, each of which the judge finds and names as what it is.

    Raises:
        ExerciseError: where there are fewer lines that can bear one.
    """
    judge = judge_of(net, "seed", True)
    assert judge.reading is not None
    court = judge.court(judge.reading)
    order = rng.sample(range(len(lines)), len(lines))
    found: list[Planted] = []
    for number in order:
        target, source = lines[number]
        slip = _named(net, markup, [*slips(source, markup, court)], rng)
        if slip is not None:
            trial = [*found, Planted(number, target, slip)]
            if _all_found(net, lines, trial, markup):
                found = trial
        if len(found) == count:
            return sorted(found, key=lambda one: one.number)
    raise ExerciseError("exercise_too_many", read=count, most=len(found))


def _named(net: Network, markup: str, choices: list[Slip], rng: random.Random) -> Slip | None:
    """Return a slip that the judge calls by its name; every kind is as likely as any other."""
    from chainrule.judge.api import check_formula

    kinds = sorted({slip.kind for slip in choices})
    for kind in rng.sample(kinds, len(kinds)):
        own = [slip for slip in choices if slip.kind == kind]
        for slip in rng.sample(own, min(len(own), 4)):
            lines = check_formula(slip.after, net, markup=markup, notation="seed")
            wrong = [link for line in lines for link in line.links if link.verdict is Verdict.WRONG]
            if wrong and wrong[0].mistake == kind:
                return slip
    return None


def _all_found(net: Network, lines: Sequence[tuple[str, str]], planted: Sequence[Planted], markup: str) -> bool:
    """Return whether the whole solution, judged as a document, shows just these mistakes by their names."""
    changed = {one.number: one.slip for one in planted}
    sources = [changed[number].after if number in changed else source for number, (_, source) in enumerate(lines)]
    text = "\n\n".join(f"$ {source} $" if markup == "typst" else f"$${source}$$" for source in sources)
    report = check(text, net, format="typst" if markup == "typst" else "markdown", notation="seed")
    if len(report.lines) != len(sources):
        return False
    for number, line in enumerate(report.lines):
        wrong = [link for link in line.links if link.verdict is not Verdict.RIGHT]
        if (number in changed) != bool(wrong):
            return False
        if wrong and (wrong[0].verdict is not Verdict.WRONG or wrong[0].mistake != changed[number].kind):
            return False
    return True


# Pages


def _sheet(net: Network, derivation: Derivation, markup: str, lang: str) -> Iterator[Block]:
    say = _say(lang)
    yield Block("heading", say("title", name=_sizes(net)))
    yield Block("text", say("network", layers=_layers(net), loss=str(net.loss)))
    yield Block("text", say("given"))
    for level in range(1, net.depth + 1):
        numbers = [f"{weight} = {value:g}" for weight, value in net.given.weights if weight.target == level]
        numbers += [f"b_{unit}^{at} = {value:g}" for (at, unit), value in net.given.biases if at == level]
        for start in range(0, len(numbers), 6):
            yield Block("math", _math(numbers[start : start + 6], markup))
    for sample, (inputs, targets) in enumerate(zip(net.given.inputs, net.given.targets, strict=True), start=1):
        mark = f"[{sample}]" if len(net.given.inputs) > 1 else ""
        names = [f"x_{i}{mark} = {value:g}" for i, value in enumerate(inputs)]
        outputs = [f"true{f'_{k}' if len(targets) > 1 else ''}{mark} = {v:g}" for k, v in enumerate(targets, start=1)]
        yield Block("math", _math([*names, *outputs], markup))
    yield Block("text", say("task", count=len(weights_of(derivation))))
    for number, part in enumerate(("forward", "backward", "numbers"), start=1):
        yield Block("text", f"{number}. {say('part.' + part)}")


def _math(parts: Sequence[str], markup: str) -> str:
    """Return numbers beside each other, in the markup of the form."""

    def spelled(text: str) -> str:
        if markup == "latex":
            text = re.sub(r"([_^])([A-Za-z0-9,]{2,})", r"\1{\2}", text)
            return text.replace("true", r"\mathit{true}")
        text = re.sub(r"([_^])([A-Za-z0-9,]+)", r"\1(\2)", text)
        return text.replace("true", 'italic("true")')

    gap = r", \quad " if markup == "latex" else ", quad "
    return gap.join(spelled(part) for part in parts)


def _key(derivation: Derivation, values: Any, format: str, lang: str) -> str | bytes:
    if format == "pdf":
        from chainrule.show.compose import compose
        from chainrule.show.typst import to_pdf

        return to_pdf(compose(derivation, numbers=values, lang=lang, every=True))
    form = "latex" if format == "latex" else "markdown"
    text = render(derivation, form, numbers=values, lang=lang, every=True)
    return _notebook([text]) if format == "notebook" else text


def _rubric(targets: Sequence[Ref]) -> str:
    rows = "".join(f'"∂loss/∂{plain(ref)}" = 1\n' for ref in targets)
    return f"[points]\nlink = 1\ncarried = 0.5\n\n[targets]\n{rows}"


def _errors(lines: Sequence[tuple[str, str]], planted: Sequence[Planted], lang: str) -> Iterator[Block]:
    say = _say(lang)
    yield Block("heading", say("errors.title"))
    yield Block("text", say("errors.task", count=len(planted)))
    changed = {one.number: one.slip for one in planted}
    for number, (_, source) in enumerate(lines):
        yield Block("math", changed[number].after if number in changed else source)


def _errors_key(planted: Sequence[Planted], lang: str) -> Iterator[Block]:
    say = _say(lang)
    yield Block("heading", say("errors.key"))
    for one in planted:
        name = sentence(f"check.mistake.{one.slip.kind}.name", lang=lang)
        yield Block("text", say("errors.line", number=one.number + 1, target=one.target, mistake=name))
        yield Block("math", one.slip.after)
        yield Block("text", say("errors.right"))
        yield Block("math", one.slip.before)
        yield Block("text", sentence(f"check.mistake.{one.slip.kind}.help", lang=lang))


def _say(lang: str) -> Callable[..., str]:
    def say(key: str, **facts: object) -> str:
        return sentence(f"exercise.{key}", lang=lang, **facts)

    return say


def _sizes(net: Network) -> str:
    return "-".join(str(net.size(level)) for level in range(net.depth + 1))


def _layers(net: Network) -> str:
    return ", ".join("/".join(sorted({str(a) for a in layer.activations})) for layer in net.layers)


# Forms


def _writers() -> dict[str, Callable[[Sequence[Block]], str | bytes]]:
    return {
        "markdown": _markdown,
        "latex": _latex,
        "pdf": _pdf,
        "notebook": lambda blocks: _notebook([_markdown(blocks)]),
    }


def _markdown(blocks: Sequence[Block]) -> str:
    marks = {"heading": "# {}", "text": "{}", "math": "$${}$$"}
    return "\n\n".join(marks[block.kind].replace("{}", _safe(block)) for block in blocks) + "\n"


def _safe(block: Block) -> str:
    return block.text if block.kind == "math" else re.sub(r"([\\`*_<>$\[\]])", r"\\\1", block.text)


def _latex(blocks: Sequence[Block]) -> str:
    from chainrule.show.latex import escape

    hangul = any("가" <= character <= "힣" for block in blocks for character in block.text)
    head = [r"\documentclass{article}", r"\usepackage{amsmath}", r"\usepackage[margin=2cm]{geometry}"]
    head += [r"\usepackage{kotex}"] if hangul else []
    body = []
    for block in blocks:
        if block.kind == "math":
            body.append("\\[\n" + block.text + "\n\\]")
        else:
            text = escape(block.text)
            body.append(rf"\section*{{{text}}}" if block.kind == "heading" else text)
    return "\n".join([*head, r"\begin{document}", "", "\n\n".join(body), "", r"\end{document}", ""])


def _pdf(blocks: Sequence[Block]) -> bytes:
    from chainrule.show.typst import compile_typst, escape

    marks = {"heading": "= {}", "text": "{}", "math": "$ {} $"}
    body = [marks[b.kind].replace("{}", b.text if b.kind == "math" else escape(b.text)) for b in blocks]
    return compile_typst("#set page(margin: 2cm)\n#set text(size: 10pt)\n\n" + "\n\n".join(body) + "\n")


def _notebook(cells: Sequence[str]) -> str:
    return json.dumps({
        "cells": [
            {"cell_type": "markdown", "id": f"cell-{number}", "metadata": {}, "source": cell.splitlines(keepends=True)}
            for number, cell in enumerate(cells)
        ],
        "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5,
    }, ensure_ascii=False, indent=1) + "\n"  # fmt: skip
