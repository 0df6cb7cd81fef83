"""Long runs of lines that differ in subscripts alone, written from one template.

A family of a million weights has one formula. Its line is written once, with holes for the subscripts; each line is
then the template with its subscripts put in. What comes out equals, character for character, what writing each Step
alone gives (a test compares them); families whose lines differ in more than subscripts (missing edges, ties, softmax)
have no template.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from chainrule.algebra import walk
from chainrule.derive import Family
from chainrule.expr import Delta, Index, Lookup, Position, Ref, Term
from chainrule.notation import SLOT, join_subscripts
from chainrule.show.forms import braced, typst_script
from chainrule.show.write import Writer
from chainrule.views import Lines


def family_template(lines: Lines, family: Family, writer: Writer, *, depth: str) -> list[str] | None:
    """Return the sides of a family's line with holes for subscripts, or None where its lines differ in more."""
    from chainrule.show.document import Formula, line_sides, sides

    target = with_holes(lines, family)
    if target is None:
        return None
    step = lines.step(target)
    return line_sides(writer, Formula(sides(step, depth=depth), step.target))


def with_holes(lines: Lines, family: Family) -> Ref | None:
    """Return a family's target with holes for its indices, or None where its lines differ in more than subscripts."""
    if family.target.symbol.support is not None or any(_irregular(f) for f in _behind(lines, family)):
        return None
    return holed(family.target)


def holed(ref: Ref) -> Ref | None:
    """Return a symbol with a hole for each index but the sample, or None where an index runs over some units only."""
    holes: list[Term] = []
    for term in ref.indices:
        if isinstance(term, Index) and term.dim.name != "samples":
            if term.values is not None:
                return None
            holes.append(replace(term, name=f"{SLOT}{sum(isinstance(h, Index) and h.name[:1] == SLOT for h in holes)}"))
        else:
            holes.append(term)
    return Ref(ref.symbol, tuple(holes))


def _behind(lines: Lines, family: Family) -> Iterator[Family]:
    """Yield a family and all those that its lines may use."""
    seen: set[int] = set()
    stack = [family]
    while stack:
        one = stack.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        for link in one.links:
            if isinstance(link.consumer, Ref):
                stack.extend(lines.derivation.of.get(link.consumer.symbol, ()))


def _irregular(family: Family) -> bool:
    """Return whether a family holds for some units only, or its lines differ in more than subscripts."""
    for term, dim in zip(family.target.indices, family.target.symbol.dims, strict=True):
        if (isinstance(term, Index) and term.values is not None) or (isinstance(term, int) and dim.size != 1):
            return True
    for link in family.links:
        for node in walk(link.local):
            if isinstance(node, Delta | Position):
                return True
            if isinstance(node, Ref) and (
                node.symbol.kind == "mask" or any(isinstance(term, Lookup) for term in node.indices)
            ):
                return True
    return False


def fill(template: str, family: Family, *, form: str, chunk: int = 4096) -> Iterator[str]:
    """Yield the filled template for every instance of the family, many lines a piece.

    Args:
        template: one line with holes, as `Writer` leaves them.
        family: says what the holes run over.
        form: text, latex or typst: how a subscript of several signs is written.
        chunk: about how many lines a piece has.
    """
    ranges = [i.range() for i in family.indices if i.dim.name != "samples"]
    pieces = template.split(SLOT)
    literals = [piece.replace("%", "%%") for piece in pieces[::2]]
    specs = [_spec(piece) for piece in pieces[1::2]]
    if not ranges:
        yield template
        return
    outer = ranges[0] if len(ranges) > 1 else (0,)
    inner = list(ranges[-1])
    last = len(ranges) - 1
    alone = {spec: _column(spec, 0, inner, form) for spec in set(specs) if _slots(spec) == {last}}
    gathered: list[str] = []
    for value in outer:
        texts = [literals[0]]
        columns: list[list[str]] = []
        made = dict(alone)
        for spec, literal in zip(specs, literals[1:], strict=True):
            if last not in _slots(spec):
                texts.append(_column(spec, 0, [value], form)[0])
            else:
                if spec not in made:
                    made[spec] = _column(spec, value, inner, form)
                columns.append(made[spec])
                texts.append("%s")
            texts.append(literal)
        pattern = "".join(texts)
        gathered += [pattern % row for row in zip(*columns, strict=True)]
        if len(gathered) >= chunk:
            yield "".join(gathered)
            gathered = []
    yield "".join(gathered)


_Spec = tuple[tuple[int, int] | str, ...]
"""For each subscript of a hole: a running index and what is added to it, or letters that stay."""


def _spec(piece: str) -> _Spec:
    found: list[tuple[int, int] | str] = []
    for part in piece.split(";"):
        if part.startswith("#"):
            sign = max(part.rfind("+"), part.rfind("-"))
            found.append((int(part[1:sign]), int(part[sign:])))
        else:
            found.append(part)
    return tuple(found)


def _slots(spec: _Spec) -> set[int]:
    return {part[0] for part in spec if isinstance(part, tuple)}


def _column(spec: _Spec, value: int, inner: list[int], form: str) -> list[str]:
    """Return the subscripts of a hole for one outer value and every inner one."""
    braces = form == "latex"
    (*before, final) = spec
    if len(spec) == 2 and isinstance(final, tuple) and isinstance(before[0], tuple) and before[0][0] != final[0]:
        # The common hole, w's (to, from), for millions of lines: no joining of lists for each.
        head = str(value + before[0][1])
        tails = [str(running + final[1]) for running in inner]
        if len(head) == 1:
            texts = [head + tail if len(tail) == 1 else f"{head},{tail}" for tail in tails]
        else:
            texts = [f"{head},{tail}" for tail in tails]
        return [f"{{{text}}}" for text in texts] if braces else texts
    slots = _slots(spec)
    last = max(slots)
    found = []
    for running in inner:
        parts = [
            part if isinstance(part, str) else str((running if part[0] == last else value) + part[1]) for part in spec
        ]
        text = join_subscripts(parts)
        found.append(braced(text) if braces else typst_script(text) if form == "typst" else text)
    return found
