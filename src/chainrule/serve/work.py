"""What the processes of the crew compute: each job a function from a request's fields to plain values."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chainrule.serve.edits import FIELDS as CHANGE
from chainrule.serve.edits import edited
from chainrule.serve.numbers import NAMES, check_size, network_of, numbers_of, with_numbers
from chainrule.serve.requests import Fields
from chainrule.serve.take import Taken, take

if TYPE_CHECKING:
    from chainrule.judge.report import Link, Report
    from chainrule.network import Network

DERIVE = frozenset({"network", "notation", "lang", "change", *NAMES})
JUDGE = frozenset({"document", "name", "format", "network", "notation", "lang"})
EXPORT = frozenset({"network", "form", "notation", "lang", "selected", "theme", *NAMES})
"""The fields that a request for each job may have."""

_SYMBOL = re.compile(r"(?<![A-Za-z])[A-Za-z]+_\d+(?:,\d+)?(?:\^(?:\d+|\{\d+,\d+\}))?")
"""A symbol with indices, in plain spelling."""


def warm(job: str) -> None:
    """Load what a job needs, before somebody waits for it."""
    JOBS[job](_FIRST[job])


_FIRST: dict[str, dict[str, Any]] = {
    "derive": {"network": "1-1"},
    "judge": {"network": "1-1", "document": "$$pred = pred$$", "seconds": 10.0},
}
"""A small request for each job that there is a crew for."""


def derive(request: dict[str, Any]) -> dict[str, Any]:
    """Return what the page shows of a network, changed first where a change is asked for.

    That is `bundle` and `code` (chainrule.page); `figure`, what can be changed as it is now; `data`, the names of what
    it can be trained on; `numbers`, those that were on the screen, for what is still there.
    """
    from chainrule.page import bundle, emit
    from chainrule.serve.data import data_for

    fields = Fields(request, DERIVE)
    net = network_of(fields)
    numbered = with_numbers(net, fields)
    if fields.has("change"):
        change = fields.inner("change", CHANGE)
        # The figure keeps the numbers of its sheet and no others, so that its address stays short.
        net, numbered = edited(net, change), edited(numbered, change)
        check_size(net)
    found = bundle(
        net, notation=fields.text("notation", default="seed"), lang=fields.choice("lang", ("en", "ko"), default="en")
    )
    return {
        "bundle": found, "code": emit(net), "figure": _figure(net), "data": data_for(net),
        "numbers": numbers_of(numbered),
    }  # fmt: skip


def _figure(net: Network) -> dict[str, Any]:
    """Return what of a figure can be changed; None where units of a layer differ."""
    return {
        "layers": [
            {
                "size": layer.size,
                "activation": str(layer.activations[0]) if len(layer.activations) == 1 else None,
                "bias": layer.bias[0] if len(layer.bias) == 1 else None,
            }
            for layer in net.layers
        ],
        "inputs": net.inputs,
        "loss": str(net.loss),
    }


def export(request: dict[str, Any]) -> Taken:
    """Return a file to be taken along."""
    fields = Fields(request, EXPORT)
    return take(with_numbers(network_of(fields), fields), fields)


def judge(request: dict[str, Any], *, seconds: float) -> dict[str, Any]:
    """Return the report of a document: what `chainrule check --format json` writes, and more for the page.

    That is `texts`, the texts of its parts; for each link `start` and `end`, its place in the text of its part, and
    `said` and `meant`, the symbols that a wrong line has and its repair has not, and the other way round.
    """
    from chainrule.judge.api import check
    from chainrule.judge.document import FORMATS
    from chainrule.judge.forms.record import record
    from chainrule.judge.marking import mark

    fields = Fields(request, JUDGE | {"seconds"})
    net = network_of(fields) if fields.has("network") else None
    report = check(
        fields.text("document"), net, name=fields.text("name", default="<text>"), seconds=seconds,
        format=fields.choice("format", FORMATS) if fields.has("format") else None,
        notation=fields.text("notation") if fields.has("notation") else None,
    )  # fmt: skip
    found = record(report, mark(report), fields.choice("lang", ("en", "ko"), default="en"))
    found["texts"] = list(report.texts)
    for row, link in zip(found["links"], report.links, strict=True):
        said, meant = _exchanged(link, report, net)
        row |= {"start": link.start, "end": link.end, "said": said, "meant": meant}
    return found


def _exchanged(link: Link, report: Report, net: Network | None) -> tuple[list[str], list[str]]:
    """Return the symbols that a repair takes out of a line, and those that it brings in."""
    if link.repair is None:
        return [], []
    from chainrule.judge.api import check_formula

    markup = next(line.markup for line in report.lines if link in line.links)
    target = net if net is not None else next(iter(report.networks), None)
    if target is None:
        return [], []
    read = []
    for source in (link.repair.before, link.repair.after):
        lines = check_formula(source, target, markup=markup, repairs=False)
        read.append(
            [name for line in lines for own in line.links for side in own.read for name in _SYMBOL.findall(side)]
        )
    before, after = (list(dict.fromkeys(names)) for names in read)
    # Counted, since a symbol may rightly stand elsewhere on the line too.
    less = [name for name in before if read[0].count(name) > read[1].count(name)]
    more = [name for name in after if read[1].count(name) > read[0].count(name)]
    return less, more


JOBS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "derive": derive,
    "export": export,
    "judge": lambda request: judge(request, seconds=request["seconds"]),
}
"""The jobs by name."""
