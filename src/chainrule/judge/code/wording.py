"""Statements as NumPy, as they should be and as they were computed: what a report shows of a mistake."""

from __future__ import annotations

import re
from functools import cached_property

from chainrule.derive import owner
from chainrule.export.code import Coder
from chainrule.export.dialects import NUMPY
from chainrule.export.pieces import array_name
from chainrule.expr import Partial
from chainrule.judge.code.search import Found
from chainrule.judge.code.slips import Slip, Statements, all_slips
from chainrule.network import Network
from chainrule.program import Statement
from chainrule.values.plan import array_key

_SAMPLED = re.compile(r"\b(X|true|d?pred|d?[AZ]_\d+)\b")


class Wording:
    """The statements of a network as code."""

    def __init__(self, net: Network) -> None:
        statements = net.derive(samples=None).program.statements
        self.statements = Statements(net, tuple(s for s in statements if not _by_data(s)))

    def right(self, name: str) -> str:
        """Return the statement that computes an array, as the derivation has it."""
        found = [_code(s) for s in self.statements.statements if array_name(s.target) == name]
        return f"{name} = {found[0]}" if found else ""

    def read(self, found: Found) -> str:
        """Return the statement with a slip in it, or '' where it cannot be written."""
        slip = found.slip
        factor = found.law.ratio if found.law else ""
        right = self.right(slip.name).partition(" = ")[2]
        whole = right if re.fullmatch(r"[\w.]+(\(.*\))?", right) else f"({right})"
        match slip.kind:
            case "missing_factor":
                return f"{slip.name} = {factor.replace(' · ', ' * ').replace('/n', '/N').replace('n', 'N')} * {whole}"
            case "extra_term":
                return f"{slip.name} = {right} + {factor} * {slip.facts['what']}"
            case "updated_weights":
                weight = str(slip.facts["weight"])
                return f"{slip.name} = " + re.sub(rf"\b{weight}\b", f"({weight} - {factor} * d{weight})", right)
            case "transposed":
                return f"{slip.name} = {whole}.T"
            case "summed_too_far":
                return f"{slip.name} = {right.replace('.sum(axis=0)', '.sum()')}"
            case "one_sample":
                place = "[-1:]" if slip.detail == "last" else "[:1]"
                return f"{slip.name} = " + _SAMPLED.sub(rf"\1{place}", right)
            case _:
                return self._written(slip)

    def _written(self, slip: Slip) -> str:
        same = self._slips.get(slip.id)
        if same is None or not same.change.statements:
            return ""
        return ", ".join(f"{array_name(s.target)} = {_code(s)}" for _, s in sorted(same.change.statements.items())[:2])

    @cached_property
    def _slips(self) -> dict[tuple[str, str, str], Slip]:
        loss = array_key(self.statements.root)
        keys = [key for key in self.statements.places if key != loss]
        return {slip.id: slip for key in keys for slip in all_slips(self.statements, key)}


def _code(statement: Statement) -> str:
    return Coder(NUMPY).statement(statement.target, statement.expr)[0]


def _by_data(statement: Statement) -> bool:
    return isinstance(statement.target, Partial) and owner(statement.target).symbol.kind == "x"
