"""What chainrule writes itself `chainrule check` reads, in every view and form, and finds all of it right."""

from __future__ import annotations

import pytest

from chainrule import Network
from chainrule.judge.document import read_document
from chainrule.judge.judging import Judge
from chainrule.show import write_document
from chainrule.show.compose import compose

NETWORKS = (
    "2-2-3:softmax --loss cross_entropy", "2-3 --loss softmax_cross_entropy_index",
    "2-3:softmax --loss cross_entropy_index", "2-2-1 --loss hinge", "2-3:softmax --loss mse",
    "2-2:hard_tanh-1", "2-2:selu-2 --loss huber", "2-2:gelu-1 --loss log_cosh", "2-2:mish-1 --loss mae --bias",
    "2-2:hard_sigmoid-2 --bias --loss bce_with_logits", "2-2:elu-2:relu-1 --bias",
    "2-2:leaky_relu-1:sigmoid --loss bce", "2-2:softplus-1:silu",
)  # fmt: skip


@pytest.mark.parametrize("form", ["markdown", "latex", "text", "typst"])
@pytest.mark.parametrize(
    ("view", "samples"),
    [("scalar", 1), ("scalar", None), ("scalar", 4), ("matrix", 1), ("matrix", None), ("matrix", 4)],
)
@pytest.mark.parametrize("shorthand", NETWORKS)
def test_every_line_is_read_and_right(shorthand, view, samples, form):
    net = Network.read(shorthand)
    page = write_document(compose(net.derive(samples=samples), view=view, every=True), form)
    report = Judge(net, repairs=False).report(read_document(page, format=form))
    assert len(report.lines) >= 4
    said = [(str(link.verdict), line.source) for line in report.lines for link in line.links]
    assert [one for one in said if one[0] not in ("right", "definition")] == []
