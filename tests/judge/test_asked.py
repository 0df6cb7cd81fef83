"""What a line asks of a reading: readings that answer alike share what was found of it."""

from __future__ import annotations

import itertools

from chainrule.judge.asked import Asked
from chainrule.judge.court import Court
from chainrule.judge.numbers import Numbers
from chainrule.judge.parse import read_formula
from chainrule.judge.readings import candidates
from chainrule.network import Network
from judge.lines import generate

LAYOUT = {"rows", "in_out", "batch"}


def test_lines_of_numbers_ask_nothing_of_the_layout():
    """Otherwise what was found under one layout would stand for another."""
    counted = {True: 0, False: 0}
    worlds: dict[Network, dict[int, Numbers]] = {}
    for case in generate(21, 400):
        (chain, *_) = read_formula(case.source, case.form)
        names = [name for side in chain.sides for name in side.names]
        for reading in itertools.islice(candidates(names, matrices=True), 0, 12, 4):
            asked = Asked(reading)
            court = Court(case.network, asked, worlds=worlds.setdefault(case.network, {}))
            laid_out = court.facts(chain).laid_out
            vars(asked)["_parts"].clear()
            court.findings(chain)
            counted[laid_out] += 1
            assert laid_out or not LAYOUT & vars(asked)["_parts"], case
    assert min(counted.values()) > 100, counted
