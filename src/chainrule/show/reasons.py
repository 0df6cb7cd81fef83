"""Why a line is what it is: the rule that was applied, in a sentence, with the names it was applied to."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.derive import Derivation, Family
from chainrule.expr import Index
from chainrule.prose import template
from chainrule.show.document import Formula, Words, words
from chainrule.views import Lines, Step, bound


def reason(derivation: Derivation, family: Family, *, lang: str, step: Step | None = None) -> Words:
    """Return the rule of a family's lines in a sentence, and what is taken at a kink."""
    lines = Lines(derivation, limit=0)
    target = family.target if step is None else step.target
    own = step or lines.step(target)
    link = family.links[0]
    if step is not None:
        binding = {m: t for m, t in zip(family.target.indices, target.indices, strict=True) if isinstance(m, Index)}
        link = bound(link, dict(binding))
    facts: dict[str, object] = {
        "s": Formula((target,), target),
        "q": Formula((link.consumer,), target),
        "inner": Formula((link.inner,), target),
        "local": Formula((link.local,), target),
    }
    found = list(words(f"rule.why.{own.rule}", lang=lang, **facts))
    for name in _functions(derivation, family):
        kink = f"rule.kink.{name}"
        if template(kink, lang=lang) is not None:
            found += [" ", *words(kink, lang=lang)]
    return tuple(found)


def _functions(derivation: Derivation, family: Family) -> Iterator[str]:
    """Yield the activation or loss whose derivative a family's lines take."""
    net = derivation.source.network
    kind = family.target.symbol.kind
    if net is None:
        return
    if kind == "z":
        level = family.target.symbol.layer or 1
        unit = family.target.indices[-1]
        first = unit if isinstance(unit, int) else unit.range()[0] if isinstance(unit, Index) else 1
        yield net.layers[level - 1].activation(first).name
    elif kind == "pred":
        yield net.loss.name
