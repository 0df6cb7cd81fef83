"""JSON: every Step as data. `derivation.schema.json` beside this file describes it and is shipped with the package.

Records come in the order of the page. A matrix line says what it gathers, and each scalar line which matrix line
gathers it (`gathers`, `gathered_by`); `uses` names the targets of lines that stand before. Nothing is worked out here.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from chainrule.algebra import substitute_atom, walk
from chainrule.derive import Derivation, Family
from chainrule.expr import Atom, Expr, Index, Matrix, Partial, Ref, Symbol
from chainrule.matrix import MatrixStep, matrix_step_of
from chainrule.notation import load, plain
from chainrule.selection import Elision, family_size, family_steps, last_instance, select
from chainrule.show.document import Formula, line_sides, sides
from chainrule.show.forms import FORMS
from chainrule.show.reasons import reason
from chainrule.show.write import Writer
from chainrule.views import Lines, Step

if TYPE_CHECKING:
    from chainrule.values import Values

CONVENTION = {
    "weights": "w_ij^l leads to unit i of layer l, from unit j of the layer before; superscripts are layers",
    "counting": "inputs count from 0, units and weight indices from 1: w_ij^1 multiplies x_{j-1}",
    "layout": "rows are samples; Z = A W, W is (in, out), W_l[j, i] = w_ij^l; a gradient has the shape of its matrix",
}


def to_json(derivation: Derivation, **options: Any) -> str:
    """Return a derivation as JSON text; options as in `chainrule.show.compose.compose`."""
    return "".join(iter_json(derivation, **options))


def iter_json(
    derivation: Derivation, *, of: str | None = None, view: str = "scalar", every: bool = False, general: bool = False,
    numbers: Values | None = None, notation: str = "seed", lang: str = "en", depth: str = "shown", digits: int = 6,  # noqa: ARG001
    inputs: bool = False,
) -> Iterator[str]:  # fmt: skip
    """Yield the JSON text piece by piece, one Step a line; numbers are written with every digit."""
    from chainrule import __version__
    from chainrule.show.compose import compose

    compose(derivation, of=of, view=view, notation=notation, lang=lang, depth=depth)  # the options' errors, once
    net = derivation.source.network
    head = {
        "chainrule": __version__,
        "network": None if net is None else net.to_toml(),
        "samples": derivation.source.samples.size,
        "view": view,
        "notation": notation,
        "convention": CONVENTION,
    }
    text = json.dumps(head, ensure_ascii=False, indent=1)
    yield text[:-2] + ',\n "steps": [\n'
    maker = _Steps(derivation, notation, lang, depth, numbers)
    first = True
    for record in maker.records(of=of, view=view, every=every, general=general, inputs=inputs):
        yield ("  " if first else ",\n  ") + json.dumps(record, ensure_ascii=False, allow_nan=False)
        first = False
    yield "\n ]\n}\n"


class _Steps:
    """Makes the records."""

    def __init__(self, derivation: Derivation, notation: str, lang: str, depth: str, values: Values | None) -> None:
        self.derivation = derivation
        self.lang = lang
        self.depth = depth
        self.values = values
        self.lines = Lines(derivation)
        self.latex = Writer(FORMS["latex"], load(notation))
        self.text = Writer(FORMS["text"], load(notation))
        self.reasons: dict[int, str] = {}
        self.written_out = Lines(derivation, limit=10**9)

    def records(
        self, *, of: str | None, view: str, every: bool, general: bool, inputs: bool
    ) -> Iterator[dict[str, Any]]:
        """Yield the records of a view; in both views at once, each matrix line stands before the lines it gathers."""
        last: Family | None = None
        for family, item in self._items(of=of, every=every, general=general, inputs=inputs, scalar=view != "matrix"):
            if family is not last and view != "scalar":
                yield self.matrix(self.matrix_step(family))
            last = family
            if isinstance(item, Elision):
                yield {"elided": item.count, "gathered_by": _matrix_name(family.target.symbol)}
            elif item is not None:
                yield self.step(item)

    def _items(
        self, *, of: str | None, every: bool, general: bool, inputs: bool, scalar: bool
    ) -> Iterator[tuple[Family, Step | Elision | None]]:
        """Yield the lines of the scalar view, each with its family; families alone for the matrix view."""
        if of is not None:
            last: Family | None = None
            for item in select(self.derivation, of, lines=self.lines, every=every, general=general):
                last = item.family if isinstance(item, Step) else last
                assert last is not None  # an Elision never comes first
                yield last, item if scalar else None
            return
        for family in self.derivation.families:
            if inputs or family.target.symbol.kind != "x":
                if not scalar:
                    yield family, None
                    continue
                for item in family_steps(self.lines, family, every=every, general=general):
                    yield family, item

    def matrix_step(self, family: Family) -> MatrixStep:
        """Return the matrix line of a family."""
        return matrix_step_of(self.lines.gathered.step(family.target))

    def step(self, step: Step) -> dict[str, Any]:
        """Return the record of one Step."""
        wanted: tuple[Expr, ...] = (step.partial, step.chain, step.substituted, step.expanded)
        record: dict[str, Any] = {
            "target": step.name,
            "kind": step.target.symbol.kind,
            "general": step.general,
            "latex": dict(zip(_SIDES, self.latex.line(wanted, step.target), strict=True)),
            "text": dict(zip(_SIDES, self.text.line(wanted, step.target), strict=True)),
            "line": " = ".join(line_sides(self.latex, Formula(sides(step, depth=self.depth), step.target))),
            "rule": step.rule,
            "reason": self.reason(step),
            "uses": self.uses(step),
            "paths": "one" if step.single else "several",
            "shape": list(step.shape),
            "gathered_by": _matrix_name(step.target.symbol),
        }
        open_ = any(isinstance(term, Index) for term in step.target.indices)
        if self.values is not None and not step.general:
            record["value"] = _finite(self.values.number(step.partial)) if not open_ else self.per_sample(step)
        return record

    def uses(self, step: Step) -> list[str]:
        """Return the targets whose partials a line uses; every one of a long sum, in a line about one target."""
        if step.general or not any(_running(partial.by) for partial in step.uses):
            return [plain(partial.by) for partial in step.uses]
        if any(isinstance(node, Ref) and node.symbol.kind == "mask" for node in walk(step.substituted)):
            # Which units take part, only the terms of the sum know.
            return [plain(partial.by) for partial in self.written_out.step(step.target).uses]
        return [name for partial in step.uses for name in _instances(partial.by)]

    def per_sample(self, step: Step) -> list[float | None]:
        """Return a value for each sample."""
        assert self.values is not None
        symbol, rest = step.target.symbol, step.target.indices[1:]
        partials = (Partial(step.partial.of, Ref(symbol, (n, *rest))) for n in range(1, self.values.samples + 1))
        return [_finite(self.values.number(partial)) for partial in partials]

    def entries(self, step: MatrixStep) -> list[list[float | None]]:
        """Return the numbers of a matrix line, row by row."""
        assert self.values is not None
        array = self.values.matrix_partial(step.target)
        rows = array.tolist() if array.ndim == 2 else [array.tolist()]
        columns = None if step.columns is None else [unit - 1 for unit in step.columns]
        return [[_finite(row[at]) for at in columns or range(len(row))] for row in rows]

    def reason(self, step: Step) -> str:
        """Return why, in plain text; worked out once a family."""
        if id(step.family) not in self.reasons:
            parts = reason(self.derivation, step.family, lang=self.lang)
            self.reasons[id(step.family)] = "".join(
                part if isinstance(part, str) else " = ".join(self.text.line(part.sides, part.target)) for part in parts
            )
        return self.reasons[id(step.family)]

    def gathers(self, family: Family) -> str:
        """Return the scalar targets that a matrix line gathers, the first and the last of them."""
        first, last = plain(next(self.lines.instances(family))), plain(last_instance(family))
        return first if first == last else f"{first} … {last}"

    def matrix(self, step: MatrixStep) -> dict[str, Any]:
        """Return the record of one matrix line."""
        root = self.derivation.source.root
        assert isinstance(root, Ref)
        index = (step.index_form.partial, step.index_form.substituted)
        parts: list[Expr] = [Matrix(step.target, of=root.symbol), step.chain]
        value = step.value
        latex = self.latex.line(parts)
        text = self.text.line(parts)
        record: dict[str, Any] = {
            "target": _matrix_name(step.target),
            "kind": step.target.kind,
            "general": True,
            "latex": {"target": latex[0], "chain": latex[1]},
            "text": {"target": text[0], "chain": text[1]},
            "entry": " = ".join(line_sides(self.latex, Formula(index, step.index_form.target))),
            "rule": step.index_form.rule,
            "reason": self.reason(step.index_form),
            "uses": list(
                dict.fromkeys(_matrix_name(p.by.symbol) for p in step.index_form.uses if isinstance(p.by, Ref))
            ),
            "shape": list(step.shape),
            "gathers": self.gathers(step.family),
            "count": family_size(step.family),
        }
        for form, writer in (("latex", self.latex), ("text", self.text)):
            shown = None if value is None else writer.line((value,))[0]
            record[form]["substituted"] = record[form]["expanded"] = shown
        if step.name is not None:
            record["name"] = self.text.line((Matrix(step.name),))[0]
        if step.columns is not None:
            record["columns"] = list(step.columns)
        if self.values is not None:
            record["value"] = self.entries(step)
        return record


_SIDES = ("target", "chain", "substituted", "expanded")


def _matrix_name(symbol: Symbol) -> str:
    """Return the plain spelling of the matrix that gathers a symbol: W_2, b_1, Z_1, pred, X."""
    spelled = load("seed").spell_matrix(symbol)
    return spelled.base + (f"_{spelled.sub}" if spelled.sub else "")


def _running(atom: Atom) -> list[Index]:
    """Return the indices that run over units in an atom."""
    terms = atom.indices if isinstance(atom, Ref) else ()
    return [term for term in terms if isinstance(term, Index) and term.dim.name != "samples"]


def _instances(atom: Atom) -> Iterator[str]:
    """Yield the plain spelling of an atom at every value of its running indices."""
    running = _running(atom)
    for values in itertools.product(*(index.range() for index in running)):
        yield plain(substitute_atom(atom, dict(zip(running, values, strict=True))))


def _finite(value: float) -> float | None:
    """Return a number that JSON can hold; NaN and infinities are null."""
    return value if value == value and value not in (float("inf"), float("-inf")) else None


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of what this module writes.

    Example:
        >>> schema()["title"]
        'A derivation'
    """
    text = files(__package__).joinpath("derivation.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
