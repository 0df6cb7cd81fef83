"""Numbers that were fitted, and what they are: 1/n, 2, a learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from chainrule.judge.code.slips import Slip

EXACT = 1e-6
"""How far a factor may be from the number that it is taken for, unless told."""


@dataclass(frozen=True)
class Law:
    """What a fitted number is.

    Attributes:
        kind: the mistake that it makes: missing_factor, extra_factor, sign, zero, or the slip's own.
        factor: how the factor is written: `1/n`, `2`, `1/n · 2`; of a rate its value.
        ratio: what was found on the batches: the number that the gradient is multiplied with.
    """

    kind: str
    factor: str
    ratio: str


def law_of(slip: Slip, factors: Sequence[float], samples: Sequence[int], exact: float = EXACT) -> Law | None:
    """Return what a number is that was fitted on each batch, or None where it follows no rule.

    Args:
        slip: what it was fitted for.
        factors: the number for each batch.
        samples: how many samples each batch has.
        exact: how far a factor may be from the number that it is taken for, relative to it.

    Example:
        >>> from chainrule.judge.code.flow import Change
        >>> slip = Slip("missing_factor", "dW_1", "", Change({}, {}), fitted=True)
        >>> law_of(slip, [5.0, 7.0], [5, 7])
        Law(kind='missing_factor', factor='1/n', ratio='n')
        >>> law_of(slip, [-1.0, -1.0], [5, 7])
        Law(kind='sign', factor='-1', ratio='-1')
    """
    pairs = [(c, n) for c, n in zip(factors, samples, strict=False)]
    if slip.kind != "missing_factor":
        rate = 1.0 - pairs[0][0]
        if abs(rate) < exact or any(abs(1.0 - c - rate) > exact * max(1.0, abs(rate)) for c, _ in pairs):
            return None
        return Law(slip.kind, f"{rate:.6g}", f"{rate:.6g}")
    if all(abs(c) < exact for c, _ in pairs):
        return Law("zero", "0", "0")
    for power in (0, -1, 1) if len({n for _, n in pairs}) > 1 else (0,):
        rest = [c * n**power for c, n in pairs]
        if all(abs(r - rest[0]) <= exact * abs(rest[0]) for r in rest):
            return _named(rest[0], -power, exact)
    return None


def _named(number: float, power: int, exact: float) -> Law | None:
    """Return the law of number · n^power."""
    if power == 0 and abs(number - 1) < exact:
        return None
    sign, size = number < 0, abs(number)
    plain = _spelled(size, exact)
    n = {0: "", 1: "n", -1: "1/n"}[power]
    if (sign and size == 1) or (sign and plain == "1" and not n):
        return Law("sign", "-1", "-1")
    missing = power > 0 or (power == 0 and size < 1)
    ratio = _times("" if plain == "1" else plain, n)
    inverse = _times("" if plain == "1" else _spelled(1 / size, exact), {0: "", 1: "1/n", -1: "n"}[power])
    lead = "-" if sign else ""
    return Law("missing_factor" if missing else "extra_factor", f"{lead}{inverse if missing else ratio}", lead + ratio)


def _times(one: str, other: str) -> str:
    return " · ".join(part for part in (one, other) if part) or "1"


def _spelled(size: float, exact: float) -> str:
    """Return a positive factor as a small fraction, or in six digits."""
    found = Fraction(size).limit_denominator(1000)
    if found and abs(float(found) - size) <= exact * size and max(found.numerator, found.denominator) <= 1000:
        return str(found)
    return f"{size:.6g}"
