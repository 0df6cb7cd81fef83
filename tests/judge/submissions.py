r"""What a class hands in: derivations of 2-3-2-1, about 30 lines each, as students write them.

    submission(seed)          (name, text): Markdown, LaTeX or plain text, in English or Korean
    links(count, seed)        (left, right, whether they are equal), in LaTeX, no two alike

A submission has a style of its own (letters, marks, order, format) and leaves out what it likes. About one line in ten
has a slip; the likely slips are those of many. Most lines are shared between students, one in twenty is its author's
alone, one in fifty is no equation that can be read. What is right is so by how it is made, without the judge.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

SLIPS = 0.1
"""The share of lines with a slip."""

OWN = 0.05
"""The share of lines that are written in a way that nobody shares."""

UNREADABLE = 0.02
"""The share of lines that are no equation that can be read."""

LEFT_OUT = 0.03
"""The share of lines that a student leaves out."""


class Symbol(NamedTuple):
    """A quantity of the network; `source` is where a weight comes from."""

    kind: str
    layer: int = 0
    unit: int = 0
    source: int = 0


class Slope(NamedTuple):
    """∂of/∂by."""

    of: Symbol
    by: Symbol


class Bump(NamedTuple):
    """a(1 − a), with another sign where it is a slip."""

    a: Symbol
    sign: str = "-"


class Sum(NamedTuple):
    """Products added, in a bracket."""

    products: tuple[tuple[object, ...], ...]


ERROR, TURNED = "pred - true", "true - pred"
Product = tuple[object, ...]
Side = tuple[Product, ...]

PRED, TRUE, LOSS = Symbol("pred"), Symbol("true"), Symbol("loss")
SIZES = (2, 3, 2, 1)


class Answer(NamedTuple):
    """The derivation of one quantity: what is derived, and its sides, the more explicit the later."""

    target: Symbol
    sides: tuple[Side, ...]


def _z(layer: int, unit: int) -> Symbol:
    return Symbol("z", layer, unit) if layer < 3 else PRED


def _a(layer: int, unit: int) -> Symbol:
    return Symbol("a", layer, unit) if layer else Symbol("x", 0, unit)


def _w(layer: int, unit: int, source: int) -> Symbol:
    return Symbol("w", layer, unit, source)


def _value(quantity: Symbol) -> Side:
    """Return ∂loss/∂z or ∂loss/∂a with everything put in."""
    if quantity == PRED:
        return ((ERROR,),)
    layer, unit = quantity.layer, quantity.unit
    if quantity.kind == "z":
        return tuple((*product, Bump(_a(layer, unit))) for product in _value(_a(layer, unit)))
    return tuple(
        (*product, _w(layer + 1, above, unit))
        for above in range(1, SIZES[layer + 1] + 1)
        for product in _value(_z(layer + 1, above))
    )


@cache
def answers() -> tuple[Answer, ...]:
    """Return the right answers, from the output to the inputs."""
    found = [Answer(PRED, (((ERROR,),),))]
    for layer in (3, 2, 1):
        units = range(1, SIZES[layer] + 1)
        for unit in () if layer == 3 else units:
            a, z = _a(layer, unit), _z(layer, unit)
            above = [_z(layer + 1, k) for k in range(1, SIZES[layer + 1] + 1)]
            chain = tuple((Slope(LOSS, up), Slope(up, a)) for up in above)
            half = tuple((Slope(LOSS, up), _w(layer + 1, max(up.unit, 1), unit)) for up in above)
            found.append(Answer(a, (chain, half, _value(a))))
            bump = Bump(a)
            found.append(Answer(z, (((Slope(LOSS, a), Slope(a, z)),), ((Sum(half), bump),), _value(z))))
        for unit, source in itertools.product(units, range(1, SIZES[layer - 1] + 1)):
            z, w, before = _z(layer, unit), _w(layer, unit, source), _a(layer - 1, source)
            values = tuple((*product, before) for product in _value(z))
            found.append(Answer(w, (((Slope(LOSS, z), Slope(z, w)),), ((Slope(LOSS, z), before),), values)))
    return tuple(found)


# Slips


def _changed(side: Side, change: Callable[[object], object]) -> Iterator[Side]:
    """Yield a side with one factor changed, for each factor that a change applies to; None takes it away."""
    for row, product in enumerate(side):
        for place, factor in enumerate(product):
            new = change(factor)
            if isinstance(factor, Sum):
                for inner in _changed(factor.products, change):
                    yield _put(side, row, place, Sum(inner))
            elif new != factor:
                yield _put(side, row, place, new)


def _put(side: Side, row: int, place: int, new: object) -> Side:
    product = side[row][:place] + (() if new is None else (new,)) + side[row][place + 1 :]
    return (*side[:row], product, *side[row + 1 :])


def _wrong_layer(factor: object) -> object:
    if isinstance(factor, Slope) and factor.of == LOSS and factor.by.kind == "z" and factor.by.layer == 2:
        return Slope(LOSS, factor.by._replace(layer=1))
    return factor


def _swapped(factor: object) -> object:
    if isinstance(factor, Symbol) and factor.kind == "w" and factor.unit != factor.source:
        return factor._replace(unit=factor.source, source=factor.unit) if factor.layer == 2 else factor
    return factor


def _other_unit(factor: object) -> object:
    if isinstance(factor, Symbol) and factor.kind in ("a", "x"):
        return factor._replace(unit=factor.unit % SIZES[factor.layer] + 1)
    return factor


def _sign(factor: object) -> object:
    return TURNED if factor == ERROR else factor


def _plus(factor: object) -> object:
    return factor._replace(sign="+") if isinstance(factor, Bump) else factor


def _no_slope(factor: object) -> object:
    return None if isinstance(factor, Bump) else factor


def _a_for_z(factor: object) -> object:
    if isinstance(factor, Slope) and factor.of.kind == "z":
        return factor._replace(of=factor.of._replace(kind="a"))
    return factor


CHANGES = (_sign, _no_slope, _wrong_layer, _swapped, _other_unit, _plus, _a_for_z)


def _exists(side: Side) -> bool:
    """Return whether a side names nothing that the network does not have."""
    flat = [factor for product in side for factor in product]
    flat += [factor for one in flat if isinstance(one, Sum) for product in one.products for factor in product]
    return all(
        not isinstance(one, Symbol)
        or one.kind != "w"
        or (one.unit <= SIZES[one.layer] and one.source <= SIZES[one.layer - 1])
        for one in flat
    )


def slipped(side: Side) -> Iterator[Side]:
    """Yield a side with each of the typical slips, at each of its places."""
    for change in CHANGES:
        yield from (found for found in _changed(side, change) if _exists(found) and all(found))
    if len(side) > 1:
        yield side[:-1]
    for row, product in enumerate(side):
        if len(product) > 2:
            yield _put(side, row, 0, None)


# Spelling


class Style(NamedTuple):
    """How a student writes.

    Attributes:
        format: `md`, `tex`, `align`, `txt` or `plain` (Markdown whose equations stand in no `$`).
        loss: the loss's name.
        mark: what stands between factors.
        names: `sup` for w_{11}^2, `flip` for w^2_{11}, `comma` for w_{1,1}^2, `paren` for w_{11}^{(2)}.
        korean: whether the words are Korean.
    """

    format: str
    loss: str
    mark: str
    names: str
    korean: bool

    @property
    def latex(self) -> bool:
        """Whether equations are LaTeX."""
        return self.format in ("md", "tex", "align")


_LATEX = [
    Style(*found) for found in itertools.product(
        ("md", "md", "tex", "align"), ("loss", r"\text{loss}", "L", r"\mathcal{L}"), (r" \cdot ", " ", r" \times "),
        ("sup", "sup", "flip", "comma", "paren"), (True, False),
    )
]  # fmt: skip
_TEXT = [
    Style(*found)
    for found in itertools.product(
        ("txt", "plain"), ("loss", "L"), (" · ", " * ", " "), ("sup", "sup", "comma"), (True, False)
    )
]
_NAMES = {
    "sup": ("{0}_{{{1}}}^{2}", "{0}_{1}^{2}"), "flip": ("{0}^{2}_{{{1}}}", ""),
    "comma": ("{0}_{{{1}}}^{2}", "{0}_{1}^{2}"), "paren": ("{0}_{{{1}}}^{{({2})}}", ""),
}  # fmt: skip


@cache
def _name(symbol: Symbol, style: Style) -> str:
    if symbol.kind == "loss":
        return style.loss
    if symbol.kind in ("pred", "true"):
        return symbol.kind
    if symbol.kind == "x":
        return f"x_{symbol.unit - 1}"
    comma = "," if style.names == "comma" else ""
    under = f"{symbol.unit}{comma}{symbol.source}" if symbol.kind == "w" else f"{symbol.unit}"
    return _NAMES[style.names][not style.latex].format(symbol.kind, under, symbol.layer)


@cache
def _factor(factor: object, style: Style) -> str:
    match factor:
        case Slope(of, by):
            if style.latex:
                return rf"\frac{{\partial {_name(of, style)}}}{{\partial {_name(by, style)}}}"
            return f"∂{_name(of, style)}/∂{_name(by, style)}"
        case Bump(a, sign):
            return f"{_name(a, style)}(1 {sign} {_name(a, style)})"
        case Sum(products):
            return f"({_side(products, style)})"
        case Symbol():
            return _name(factor, style)
    return f"({factor})"


def _side(side: Side, style: Style) -> str:
    return " + ".join(style.mark.join([_factor(factor, style) for factor in product]) for product in side)


def _line(target: Symbol, sides: Sequence[Side], style: Style) -> str:
    head = _factor(Slope(LOSS, target), style)
    return _wrapped(" = ".join([head, *[_side(side, style) for side in sides]]), style)


def _wrapped(line: str, style: Style) -> str:
    match style.format:
        case "md":
            return f"$${line}$$\n"
        case "tex":
            return f"\\[ {line} \\]"
        case "align":
            return "\\begin{align*}\n" + line.replace(" = ", " &= ", 1).replace(" = ", " \\\\\n&= ") + "\n\\end{align*}"
        case "plain":
            return f"{line}\n"
    return line


def _shuffled(side: Side, rng: random.Random) -> Side:
    """Return a side with its terms and factors in another order."""
    products = [tuple(rng.sample(product, len(product))) for product in side]
    rng.shuffle(products)
    return tuple(products)


# Books: how one style writes each answer


class Page(NamedTuple):
    """How an answer is written in a style: rightly and with slips, the likeliest first."""

    right: tuple[str, ...]
    wrong: tuple[str, ...]


_SHOWN = ((0, 1), (0, 1, 2), (1,), (0,), (0, 2), (2,))
"""Which sides are shown, the likeliest choice first."""


@cache
def _book(style: Style) -> tuple[Page, ...]:
    pages = []
    for target, sides in answers():
        if len(sides) == 1:
            sides = sides * 3
            shown: Sequence[tuple[int, ...]] = ((0,),)
        else:
            shown = _SHOWN
        right = [_line(target, [sides[i] for i in choice], style) for choice in shown]
        wrong = [
            _line(target, [*[sides[i] for i in choice[:place]], slip, *[sides[i] for i in choice[place + 1 :]]], style)
            for choice in shown[:3]
            for place in reversed(range(len(choice)))
            for slip in itertools.islice(slipped(sides[choice[place]]), 6)
        ]
        pages.append(Page(tuple(right), tuple(dict.fromkeys(wrong))))
    return tuple(pages)


def _own(page: int, style: Style, rng: random.Random) -> str:
    """Return a line in an order of its own."""
    target, sides = answers()[page]
    return _line(target, [_shuffled(side, rng) for side in sides[rng.randrange(len(sides)) :]], style)


_WORDS = {
    False: (
        "We start at the output and go back to the inputs.", "By the chain rule:", "Next layer.",
        "The other weights follow likewise.", "Here the sigmoid has the slope a times one minus a.",
        "Both paths have to be added.", "(see the figure in the book)",
    ),
    True: (
        "출력에서 시작하여 입력 쪽으로 거슬러 올라간다.", "연쇄 법칙에 따라 다음과 같다.", "다음 층을 구한다.",
        "나머지 가중치도 같은 방법으로 구한다.", "두 경로를 모두 더해야 한다.", "풀이는 아래와 같습니다.",
    ),
}  # fmt: skip
_UNREAD_LATEX = (
    r"\frac{\partial loss}{\partial w_{11}^1} = \frac{\partial loss}{", r"\frac{\partial loss}{\partial q_7} = 3 q_7",
    r"\frac{\partial loss}{\partial w_{22}^1} = \cdots", r"\frac{\partial loss}{\partial w_{31}^1} = ?",
    r"\frac{\partial loss}{\partial w_{45}^1} = x_0",
)  # fmt: skip
_UNREAD_TEXT = ("∂loss/∂w_11^1 = ((", "∂loss/∂q_7 = 3 q_7", "∂loss/∂w_22^1 = …", "∂loss/∂w_45^1 = x_0")


@cache
def _orders() -> tuple[tuple[int, ...], ...]:
    """Return the orders in which answers are given: downwards, weights first, weights last, by kind, at random."""
    every = range(len(answers()))
    kinds = [answer.target.kind for answer in answers()]
    rng = random.Random(0)
    return (
        tuple(every),
        tuple(every),
        tuple(sorted(every, key=lambda i: kinds[i] == "w")),
        tuple(sorted(every, key=lambda i: ("pred", "z", "a", "w").index(kinds[i]))),
        tuple(reversed(every)),
        tuple(rng.sample(every, len(every))),
    )


def submission(seed: int) -> tuple[str, str]:
    """Return the name and the text of a submission, always the same for a seed.

    Example:
        >>> submission(7) == submission(7), submission(7) == submission(8)
        (True, False)
    """
    rng = random.Random(seed)
    chance = rng.random
    styles = _LATEX if chance() < 0.8 else _TEXT
    style = styles[int(chance() ** 2 * len(styles))]
    book, words = _book(style), _WORDS[style.korean]
    unread = _UNREAD_LATEX if style.latex else _UNREAD_TEXT
    orders = _orders()
    lines = [words[0], "", _forward(style)]
    for page in orders[int(chance() * len(orders))]:
        luck = chance()
        if luck < LEFT_OUT:
            continue
        right, wrong = book[page]
        if luck > 1 - SLIPS:
            lines.append(wrong[int(chance() ** 3 * len(wrong))])
        elif luck > 1 - SLIPS - OWN:
            lines.append(_own(page, style, rng))
        else:
            lines.append(right[int(chance() ** 2 * len(right))])
        if luck < LEFT_OUT + UNREADABLE:
            lines.append(_wrapped(unread[int(chance() * len(unread))], style))
        elif luck > 0.4 and luck < 0.45:
            lines.append(f"\n{words[int(chance() * len(words))]}\n")
    text = "\n".join(lines)
    if style.format in ("tex", "align"):
        text = f"\\documentclass{{article}}\n\\usepackage{{amsmath}}\n\\begin{{document}}\n{text}\n\\end{{document}}\n"
    ending = {"md": "md", "plain": "md", "txt": "txt"}.get(style.format, "tex")
    return f"{seed:06d}.{ending}", text + "\n"


@cache
def _forward(style: Style) -> str:
    sides = (((_a(2, 1), _w(3, 1, 1)), (_a(2, 2), _w(3, 1, 2))),)
    return _wrapped(" = ".join(["pred", *[_side(side, style) for side in sides]]), style)


def links(count: int, seed: int = 0, *, slips: float = 0.5) -> Iterator[tuple[str, str, bool]]:
    """Yield links of numbers in LaTeX, no two of them alike: left side, right side, whether they are equal.

    Args:
        count: how many.
        seed: where chance starts.
        slips: the share of them that has a slip on the right.

    Orders of factors and letters differ, so that nothing can be looked up; 60 that follow each other are one author's.
    """
    rng = random.Random(seed)
    styles = [style for style in _LATEX if style.format == "md"]
    told: set[tuple[str, str]] = set()
    while len(told) < count:
        if len(told) % 60 == 0:
            style = rng.choice(styles)
        target, sides = rng.choice(answers())
        side = rng.choice(sides)
        left: Side = ((Slope(LOSS, target),),)
        if rng.random() < 0.5 and len(sides) > 1:
            left = rng.choice(sides)
        wrong = list(slipped(side))
        equal = not wrong or rng.random() >= slips
        if not equal:
            side = rng.choice(wrong)
        pair = (_side(_shuffled(left, rng), style), _side(_shuffled(side, rng), style))
        if pair not in told and pair[0] != pair[1]:
            told.add(pair)
            yield (*pair, equal)
