"""Whatever is fed to the judge, it has an answer: no traceback, no place outside of the text, no unbounded work."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainrule.judge.api import check
from chainrule.judge.document import read_document
from chainrule.judge.parse import read_formula
from chainrule.judge.report import Verdict
from chainrule.judge.rows import rows_of
from chainrule.judge.syntax import Unread
from judge.submissions import SLIPS, UNREADABLE, links, submission

TOOLS = Path(__file__).resolve().parents[2] / "tools"
SECONDS = 10.0
"""How long anything may take that is to be refused."""


@pytest.fixture(scope="module")
def fuzz():
    """The tool of the long run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOLS))
        import fuzz_judge

        yield fuzz_judge


MARKUPS = st.sampled_from(("latex", "text", "typst"))
FORMATS = st.sampled_from(("markdown", "latex", "text", "typst", "notebook"))
SEEDS = st.integers(0, 2**32 - 1)


# Formulas and documents that nobody would write


@settings(max_examples=1200)
@given(seed=SEEDS, markup=MARKUPS)
def test_a_mutated_formula_has_an_answer(fuzz, seed, markup):
    rng = random.Random(seed)
    source = fuzz.mutated(rng.choice(fuzz.formulas()), rng)
    fuzz.attempt(fuzz.Input(markup, source.encode("utf-8", "surrogatepass")))


@settings(max_examples=500)
@given(source=st.text(), markup=MARKUPS)
def test_any_text_is_a_formula_or_said_to_be_none(fuzz, source, markup):
    fuzz.attempt(fuzz.Input(markup, source.encode("utf-8", "surrogatepass")))


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(seed=SEEDS, format=FORMATS)
def test_a_mutated_document_has_an_answer(fuzz, seed, format):
    rng = random.Random(seed)
    source = fuzz.mutated(rng.choice(fuzz.documents())[:3000], rng)
    fuzz.attempt(fuzz.Input(f"{format}-document", source.encode("utf-8", "surrogatepass")))


@settings(max_examples=300)
@given(data=st.binary(max_size=300), format=FORMATS)
def test_any_bytes_are_a_document_or_refused(fuzz, data, format):
    fuzz.attempt(fuzz.Input(f"{format}-document", data))


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(numbers=st.integers(0, 10**6))
def test_inputs_of_the_long_run_do_not_fail(fuzz, numbers):
    fuzz.attempt(fuzz.made(numbers, 1))


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(seed=SEEDS, damage=st.booleans())
def test_a_mutated_document_is_judged(fuzz, seed, damage):
    """Also with repairs."""
    rng = random.Random(seed)
    page = "\n\n".join(f"$${rng.choice(fuzz.formulas())[:600]}$$" for _ in range(3))
    data = fuzz.mutated(page, rng).encode("utf-8", "surrogatepass")
    fuzz.attempt(fuzz.Input("check", fuzz.damaged(data, rng) if damage else data))


# Limits


def only(source, markup="latex"):
    """What the one chain of a formula is refused for, on any side."""
    sides = [side.node for chain in read_formula(source, markup) for side in chain.sides]
    return {node.reason for node in sides if isinstance(node, Unread)}


@pytest.mark.parametrize("markup", ["latex", "text", "typst"])
@pytest.mark.parametrize(
    ("opening", "closing"),
    [("(", ")"), ("[", "]"), ("{", "}"), (r"\left(", r"\right)"), (r"\frac{1}{", "}"), (r"\sqrt{", "}"),
     ("a^{", "}"), ("a_{", "}"), ("-(", ")"), (r"\hat{", "}"), (r"\text{", "}"), ("2^(", ")"),
     (r"\frac{\partial ", "}{\\partial x}")],
)  # fmt: skip
def test_brackets_two_thousand_deep(opening, closing, markup):
    start = time.perf_counter()
    reasons = only(f"pred = {opening * 2000}x{closing * 2000}", markup)
    assert reasons, "nothing so deep is read"
    assert time.perf_counter() - start < SECONDS


def test_deep_round_brackets_are_said_to_be_too_deep():
    assert only(f"pred = {'(' * 2000}x{')' * 2000}") == {"too_deep"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (r"pred = 9^{9^{9^9}}", "exponent"), ("pred = 99999999!", "character"), (r"pred = 10^{400}", "exponent"),
        (f"pred = {'9' * 5000}", "too_large"), ("pred = 1e999999999", "too_large"),
        (r"pred = (1 + x_0)^{1000000}", "exponent"),
        (r"pred = \sum_{k=1}^{99999999} x_k", "no_unit"),
        (r"pred = \sum_{i=1}^{9999} \sum_{j=1}^{9999} x_i x_j", "no_unit"),
    ],
)  # fmt: skip
def test_what_would_take_for_ever_is_refused(source, reason):
    start = time.process_time()
    (link,) = check(f"$${source}$$", "2-3-2-1").links
    assert link.verdict is Verdict.UNREADABLE
    assert link.message.key == f"unread.{reason}"
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("joint", [" + ", " ", r" \cdot ", " - ", "/", "^", " = "])
def test_ten_thousand_terms(joint):
    start = time.perf_counter()
    (line, *_) = check(f"$$pred = {joint.join(['a_1^2'] * 10_000)}$$", "2-3-2-1").lines
    assert all(link.verdict is Verdict.UNREADABLE for link in line.links)
    assert time.perf_counter() - start < SECONDS


def test_a_long_formula_is_said_to_be_too_long():
    assert only("pred = " + " + ".join(["a_1^2"] * 10_000)) == {"too_long"}


@pytest.mark.parametrize("format", ["markdown", "latex", "text", "typst"])
@pytest.mark.parametrize("character", ["x", "=", "(", "∂"])
def test_ten_megabytes_of_one_character(character, format):
    start = time.process_time()
    document = read_document(character * 10_000_000, format=format)
    assert sum(1 for _ in rows_of(document)) <= 1
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("format", ["markdown", "latex", "text", "typst"])
def test_a_line_of_ten_megabytes(format):
    line = "pred = " + "a_1^2 + " * 1_250_000 + "1"
    start = time.process_time()
    text = {"text": line, "typst": f"$ {line} $"}.get(format, f"$${line}$$")
    (row,) = rows_of(read_document(text, format=format))
    assert {side.node.reason for side in row.chain.sides} == {"too_long"}
    assert time.process_time() - start < 2 * SECONDS


@pytest.mark.parametrize("format", ["markdown", "latex", "text", "typst"])
@pytest.mark.parametrize(
    "unit",
    ["$", "\\", "{", "`", "\n", " ", "a = b ", "a = b\n", "\\begin{align}", "\\[", "<!--", "$a$ ", "$$a$$ ",
     "$a = b$\n", "$a", "\\text{", "```\n", "- ", "> ", "%", "#", "|", "&=", "\\\\", "\\frac"],
)  # fmt: skip
def test_much_of_the_same(unit, format):
    start = time.process_time()
    document = read_document(unit * (250_000 // len(unit)), format=format)
    assert len(document.formulas) + len(document.problems) <= 100_001
    assert time.process_time() - start < 3 * SECONDS  # 250 kB of one thing are read, not refused


def test_too_large_a_document_is_refused():
    from chainrule.judge.document import DocumentError

    with pytest.raises(DocumentError) as error:
        read_document("a = b\n" * 5_000_000)
    assert error.value.key == "document_too_large"


def test_macros_that_double_themselves_end():
    start = time.perf_counter()
    doubling = "".join(rf"\newcommand{{\m{chr(97 + i)}}}{{\m{chr(98 + i)}\m{chr(98 + i)}}}" for i in range(24))
    check(f"{doubling}\\newcommand{{\\my}}{{x_0}}\n\n$$pred = \\ma$$", "2-3-2-1")
    check(r"\newcommand{\a}{\a\a} $$pred = \a$$", "2-3-2-1")
    assert time.perf_counter() - start < SECONDS


# That the fuzzing would notice


def test_a_place_outside_of_the_text_is_noticed(fuzz, monkeypatch):
    from chainrule.judge import parse
    from chainrule.judge.syntax import Chain, Literal, Side

    side = Side(Literal(1, (0, 99)), (0, 99))
    monkeypatch.setattr(parse, "read_formula", lambda *given: (Chain((side,), (), "", (0, 99)),))
    with pytest.raises(AssertionError):
        fuzz.attempt(fuzz.Input("latex", b"1"))
    assert "AssertionError" in fuzz.failure(fuzz.Input("latex", b"1"))


def test_what_fails_is_saved_and_comes_again(fuzz, tmp_path):
    one = fuzz.Input("text", "∂L/∂w \x00 =".encode())
    assert fuzz.Input.load(one.save(tmp_path)) == one


def test_what_is_slow_is_noticed(fuzz):
    assert "of the processor" in fuzz.failure(fuzz.Input("latex", b"1"), slow=-1.0)


# The submissions that benchmarks grade


def test_links_are_as_true_as_they_are_said_to_be():
    known = list(links(120, 5))
    report = check("\n\n".join(f"$${left} = {right}$$" for left, right, _ in known), "2-3-2-1", repairs=False)
    assert [link.verdict is Verdict.RIGHT for link in report.links] == [equal for _, _, equal in known]
    assert 30 < sum(equal for _, _, equal in known) < 90


def test_submissions_are_a_class():
    """About 30 lines, with about as many slips and unreadable lines as they are said to have, in every format."""
    class_ = [submission(seed) for seed in range(40)]
    assert class_ == [submission(seed) for seed in range(40)]
    assert {name.rpartition(".")[2] for name, _ in class_} == {"md", "tex", "txt"}
    reports = [check(text, "2-3-2-1", name=name, repairs=False) for name, text in class_]
    counts = [len(report.lines) for report in reports]
    assert min(counts) > 18
    assert sum(counts) / len(counts) > 25
    verdicts = [line.verdict for report in reports for line in report.lines]
    wrong = sum(verdict in (Verdict.WRONG, Verdict.CARRIED) for verdict in verdicts) / len(verdicts)
    assert SLIPS / 2 < wrong < 2 * SLIPS
    unread = verdicts.count(Verdict.UNREADABLE) / len(verdicts)
    assert UNREADABLE / 3 < unread < 3 * UNREADABLE
