"""Feed the judge what nobody would write, and see that it always has an answer, in time.

    python tools/fuzz_judge.py --inputs 1000000 --jobs 2       grammar-based and byte-level mutation
    python tools/fuzz_judge.py --atheris -- -runs=1000000      guided by coverage (Linux, `pip install atheris`)
    python tools/fuzz_judge.py --replay FILE                   one input again, with its traceback

An input is a formula in LaTeX, text or Typst, a document, or a document that is judged. It fails where anything but an
error of chainrule's own comes out, be it a warning, where a place that is reported is none of the text, or where it
takes longer than 2 seconds of the processor. Inputs follow from the seed and their number; what fails is saved as a
file of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import queue
import random
import re
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.errors import ChainruleError

if TYPE_CHECKING:
    from chainrule.judge.document import Document
    from chainrule.judge.report import Report
    from chainrule.judge.syntax import Chain

TESTS = Path(__file__).resolve().parent.parent / "tests"
NETWORK = "2-3-2-1"

SLOW = 2.0
"""How many seconds of the processor an input may take."""

STUCK = 20.0
"""After how many seconds without a word a worker is taken to hang."""

LONGEST = 20_000
"""How long an input is, at most."""

SHOWN = 3
"""How many inputs are shown and kept that fail at the same place."""

KINDS = {
    "latex": 30, "text": 15, "typst": 15, "markdown-document": 8, "latex-document": 8, "text-document": 8,
    "typst-document": 5, "notebook-document": 5, "check": 4, "infer": 0.2,
}  # fmt: skip
"""What is done with an input, and how often."""


@dataclass(frozen=True, slots=True)
class Input:
    """Something to be read: one of KINDS, and the bytes."""

    kind: str
    data: bytes

    def save(self, folder: Path) -> Path:
        """Write it into a folder, and return the file."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.kind}-{hashlib.sha256(self.data).hexdigest()[:12]}"
        path.write_bytes(self.kind.encode() + b"\n" + self.data)
        return path

    @classmethod
    def load(cls, path: Path) -> Input:
        """Read it from such a file."""
        kind, _, data = path.read_bytes().partition(b"\n")
        return cls(kind.decode(), data)


# What an input has to keep


def attempt(one: Input) -> None:
    """Read or judge an input.

    Raises:
        Exception: where anything but an answer, or an error of chainrule's own, comes out.
        AssertionError: where the answer has a place that is none of the text.
    """
    kind, _, document = one.kind.partition("-")
    try:
        if document:
            _document(one.data, kind)
        elif kind in ("check", "infer"):
            _judged(one.data, None if kind == "infer" else NETWORK)
        else:
            _formula(one.data.decode("utf-8", "replace"), kind)
    except ChainruleError as error:
        _said(error.message(lang="en"), error.message(lang="ko"))


def _said(*sentences: str) -> None:
    assert all(sentences), sentences


def _formula(source: str, markup: str) -> None:
    from chainrule.judge.parse import read_formula

    for chain in read_formula(source, markup):
        assert len(chain.relations) == len(chain.sides) - 1, chain
        _chain_inside(chain, len(source))


def _chain_inside(chain: Chain, length: int) -> None:
    from chainrule.judge.syntax import Unread, parts_of

    for side in chain.sides:
        spans = [chain.span, side.span, side.node.span]
        if not isinstance(side.node, Unread):
            spans += [part.span for part in parts_of(side.node)]
        assert all(0 <= start <= end <= length for start, end in spans), (spans, length)


def _document(data: bytes, format: str) -> Document:
    from chainrule.judge.document import read_document
    from chainrule.judge.rows import rows_of

    document = read_document(data, format=format)
    for formula in document.formulas:
        text = document.texts[formula.part]
        assert 0 <= formula.start <= formula.end <= len(text), formula
        at = 0
        for piece in formula.pieces:
            assert piece.start == at and piece.end >= at, formula
            at = piece.end
            if piece.exact:
                assert text[piece.text_start : piece.text_end] == formula.source[piece.start : piece.end], formula
        assert at == len(formula.source), formula
    for problem in document.problems:
        assert 0 <= problem.start <= problem.end <= len(document.texts[problem.part]), problem
        _said(problem.text("en"), problem.text("ko"))
    for row in rows_of(document):
        start, end = row.place(*row.chain.span)
        assert 0 <= start <= end <= len(document.texts[row.part]), row
        _chain_inside(row.chain, len(row.source))
    return document


def _judged(data: bytes, network: str | None) -> Report:
    from chainrule.judge.api import check
    from chainrule.judge.fixes import applied

    report = check(data, network, seconds=1.0)
    for line in report.lines:
        text = report.texts[line.part]
        assert 0 <= line.start <= line.end <= len(text), line
        for link in line.links:
            assert 0 <= link.start <= link.end <= len(text), link
            assert link.line >= 1 and link.column >= 1, link
            assert (link.end_line, link.end_column) >= (link.line, link.column), link
            if link.repair is not None:
                assert all(0 <= edit.start <= edit.end <= len(text) for edit in link.repair.edits), link
                assert link.repair.before != link.repair.after and applied(text, link.repair.edits), link
        for message in (*line.notes, *(link.message for link in line.links if link.message)):
            _said(message.text("en"), message.text("ko"))
    for message in (*report.reading, *report.gaps):
        _said(message.text("en"), message.text("ko"))
    return report


# Inputs


@cache
def documents() -> tuple[str, ...]:
    """Return what mutation starts from: the seed, what the derive side writes, what students write."""
    sys.path.insert(0, str(TESTS))
    from judge.submissions import submission  # type: ignore[import-not-found, unused-ignore]

    files = [TESTS / "fixtures" / "seed" / "derivation.md", *sorted((TESTS / "goldens").glob("*.*"))]
    written = [path.read_text(encoding="utf-8")[:LONGEST] for path in files if path.suffix in (".md", ".txt")]
    return (*written, *(submission(seed)[1] for seed in range(40)), *_ODD)


@cache
def formulas() -> tuple[str, ...]:
    """Return the formulas of the documents."""
    from chainrule.judge.document import read_document

    found = {formula.source for text in documents() for formula in read_document(text).formulas}
    return tuple(sorted(found))


_ODD = (
    r"\[ \begin{cases} z & z > 0 \\ 0 & \text{otherwise} \end{cases} = \max(0, z_1^1) \]",
    r"$\newcommand{\d}[2]{\frac{\partial #1}{\partial #2}} \d{L}{w_{11}^1} = \sum_{k=1}^{3} \d{L}{z_k^2} w_{ki}^{l+1}$",
    "$ (partial L)/(partial w_11^2) = sum_(k=1)^2 delta_k w_(k 1) dot.op sigma'(z_1) $",
    '{"cells": [{"cell_type": "markdown", "source": ["$$a = b$$"]}], "nbformat": 4, "metadata": {}}',
    "---\ntitle: x\n---\n```math\n\\delta^L = \\nabla_a C \\odot \\sigma'(z^L)\n```\n> $W^1 \\in \\mathbb{R}^{3}$\n",
    "∂L/∂W₁ = Xᵀ δ\n  = Xᵀ((A₂ − T) ⊙ A₂ ⊙ (1 − A₂))",
)

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|[A-Za-z]+|\d+|\s+|.", re.DOTALL)

_PIECES = (
    *"{}()[]|_^'&$=<>+-−·*/,.;…∂∇Σδᵀ²₁√⊙∈ℝ∞%#`~\n\t0\u0000\u200b\u202e\ufeff\U0001f600ŷ가",
    "\\\\", "$$", "==", ":=", "≈", "#1", "\\frac", "\\frac{", "\\dfrac", "\\partial", "\\left(", "\\right)",
    "\\left.", "\\right|", "\\sum_{", "\\sum_{k=1}^{n}", "\\prod", "\\begin{align}", "\\end{align}",
    "\\begin{cases}", "\\end{cases}", "\\begin{bmatrix}", "\\end{bmatrix}", "\\text{", "\\mathrm{loss}", "\\hat{y}",
    "\\sqrt", "\\sqrt[3]{", "\\odot", "\\top", "\\cdots", "\\newcommand{\\a}{\\a\\a}", "\\a", "\\def\\b#1{#1#1}",
    "\\b{\\b{\\b{x}}}", "\\[", "\\]", "\\(", "\\)", "partial", "frac(", "dot.op", "-->", "<!--", "```", "pred",
    "true", "loss", "w_{11}^2", "a_1^1", "z_9^9", "x_0", "w_{11}^{(99999)}", "10^{400}", "1e999", "0.5", "-1",
    "99999999999999999999", "9^{9^{9^9}}", "(((((((((", ")))))))))", "{{{{{", "W_1", "X^T", "(2,1)", "shape", "e^{",
    "\\exp(", "\\sigma'(", "\\max(0,", "\\log", "y\u0302", "\n\n", "\n```math\n", "#let x = ", "where ", "여기서 ",
    "s.t. ",
)  # fmt: skip


def made(number: int, seed: int) -> Input:
    """Return the input of a number, always the same.

    Example:
        >>> made(3, 0) == made(3, 0)
        True
    """
    rng = random.Random(f"{seed}/{number}")
    (kind,) = rng.choices(list(KINDS), list(KINDS.values()))
    if kind in ("latex", "text", "typst"):
        source = rng.choice(formulas()) if rng.random() < 0.7 else grown(rng, 4)
    elif kind in ("check", "infer"):
        source = _few_lines(rng)
    else:
        source = _page(rng.choice(documents()), rng)
    source = mutated(source, rng)[:LONGEST]
    if kind == "notebook-document" and rng.random() < 0.8:
        cells = [{"cell_type": "markdown", "source": part} for part in source.split("\n\n", 5)]
        source = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    data = source.encode("utf-8", "surrogatepass")
    return Input(kind, damaged(data, rng) if rng.random() < 0.2 else data)


def _page(text: str, rng: random.Random) -> str:
    """Return a stretch of a document."""
    at = rng.randrange(len(text))
    return text[at : at + rng.choice((300, 1_000, 3_000))]


def _few_lines(rng: random.Random) -> str:
    """Return a short document: what is judged takes longer than what is only read."""
    lines = [rng.choice(formulas())[:1500] for _ in range(rng.randint(1, 4))]
    return "\n\n".join(line if rng.random() < 0.2 else f"$${line}$$" for line in lines)


def mutated(source: str, rng: random.Random) -> str:
    """Return a source with some of its tokens taken out, doubled, exchanged, or others put in."""
    tokens = _TOKEN.findall(source)
    for _ in range(rng.choice((0, 1, 1, 2, 3, 5, 9, 20))):
        at = rng.randrange(len(tokens) + 1)
        end = min(at + rng.choice((1, 1, 1, 2, 5, 40)), len(tokens))
        match rng.randrange(7):
            case 0:
                del tokens[at:end]
            case 1:
                tokens[at:at] = tokens[at:end] * rng.choice((1, 1, 2, 30))
            case 2:
                tokens.insert(at, rng.choice(_PIECES))
            case 3:
                tokens[at:end] = [rng.choice(_PIECES)]
            case 4:
                other = rng.randrange(len(tokens) + 1)
                tokens[other:other] = tokens[at:end]
            case 5:
                tokens[at:at] = _TOKEN.findall(rng.choice(formulas()))[: rng.randint(1, 30)]
            case 6:
                tokens[at:at] = [grown(rng, 2)]
        del tokens[LONGEST:]
    return "".join(tokens)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Return bytes with some of them changed, and perhaps cut off."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        if found:
            at = rng.randrange(len(found))
            match rng.randrange(4):
                case 0:
                    found[at] = rng.randrange(256)
                case 1:
                    del found[at : at + rng.randint(1, 20)]
                case 2:
                    found[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 8)))
                case 3:
                    found[at:at] = found[at : at + 50]
    return bytes(found[: rng.randint(0, len(found))] if rng.random() < 0.2 else found)


def grown(rng: random.Random, depth: int) -> str:
    """Return a formula of a small grammar, in a mixture of spellings."""
    if depth <= 0 or rng.random() < 0.15:
        return rng.choice((
            "pred", "true", "x_0", "x_1", "a_1^2", "z_{2}^1", "w_{11}^2", "w_31^1", "W_1", "A_1^T", "b_1^1", "δ_j^l",
            r"\delta", "loss", "L", "2", "0.5", r"\frac12", "n", "Z_2", r"\hat y", "x^{(i)}", "a^{[1]}", "w_{ij}^{l+1}",
        ))  # fmt: skip
    one, two = grown(rng, depth - 1), grown(rng, depth - 1)
    return rng.choice((
        f"{one} = {two}", f"{one} + {two}", f"{one} - {two}", rf"{one} \cdot {two}", f"{one} {two}", f"({one})",
        f"-{one}",
        rf"\frac{{\partial {one}}}{{\partial {two}}}", f"∂{one}/∂{two}", rf"\frac{{{one}}}{{{two}}}", f"{one}/{two}",
        rf"\sum_{{k=1}}^{{3}} {one}", rf"\sigma({one})", rf"\sigma'({one})", f"({one})^2", f"{one}^{{{two}}}",
        f"{one}_{{{two}}}", rf"{one} \odot {two}", f"{one}^T {two}", rf"\max(0, {one})", rf"\left( {one} \right) {two}",
        f"(partial {one})/(partial {two})", rf"\begin{{cases}} {one} & {two} > 0 \\ 0 \end{{cases}}", f"{{{one}}}",
    ))  # fmt: skip


# Many inputs


def failure(one: Input, slow: float = SLOW) -> str:
    """Return what is wrong with what comes of an input, '' where nothing is; `slow` is in seconds of the processor."""
    start = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            attempt(one)
    except Exception:
        return traceback.format_exc()
    took = time.process_time() - start
    return f"{took:.1f} s of the processor\n" if took > slow else ""


def work(numbers: Sequence[int], seed: int, at: Any, said: Any) -> None:
    """Try inputs, saying at which one it is, and what fails."""
    documents()
    failure(Input("check", b"$$pred = true$$"))  # grammar and network are not on any input's account
    for number in numbers:
        at.value = number
        if problem := failure(made(number, seed)):
            said.put((number, problem))
    at.value = -1


def fuzz(inputs: int, jobs: int, seed: int, *, first: int = 0) -> Iterator[tuple[int, str]]:
    """Yield the numbers of the inputs that fail, with what is wrong."""
    context = multiprocessing.get_context("spawn")
    said: Any = context.Queue()
    running: list[_Worker] = [
        _Worker(context, range(first + job, first + inputs, jobs), seed, said) for job in range(jobs)
    ]
    while running:
        try:
            yield said.get(timeout=0.5)
            continue
        except queue.Empty:
            pass
        for worker in list(running):
            running.remove(worker)
            if worker.process.is_alive() and not worker.stuck:
                running.append(worker)
            elif worker.at.value != -1:
                worker.process.kill()
                worker.process.join()
                number = worker.at.value
                yield number, f"stuck for {STUCK:.0f} s\n" if worker.stuck else f"died: {worker.process.exitcode}\n"
                left = worker.numbers[worker.numbers.index(number) + 1 :]
                if left:
                    running.append(_Worker(context, left, seed, said))
    while True:
        try:
            yield said.get(timeout=0.1)
        except queue.Empty:
            return


class _Worker:
    """A process that tries inputs, watched from outside."""

    def __init__(self, context: Any, numbers: range, seed: int, said: Any) -> None:
        self.numbers = numbers
        self.at = context.Value("q", numbers.start)
        self.process = context.Process(target=work, args=(numbers, seed, self.at, said), daemon=True)
        self.process.start()
        self._seen = (-1, time.monotonic() + 60)  # it has to begin first

    @property
    def stuck(self) -> bool:
        """Whether it has been at the same input for too long."""
        now = time.monotonic()
        if self.at.value != self._seen[0]:
            self._seen = (self.at.value, max(now, self._seen[1]) if self._seen[0] == -1 else now)
        return now - self._seen[1] > STUCK


def guided(arguments: Sequence[str], folder: Path) -> None:
    """Let atheris look for inputs, guided by what they reach; it ends the process.

    Its instruments slow everything down: the limit is ten times as high, and networks are not searched for.
    """
    import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]

    with atheris.instrument_imports(include=["chainrule.judge"]):
        failure(Input("check", b"$$pred = true$$"))
    kinds = [kind for kind in KINDS if kind != "infer"]

    def one(data: bytes) -> None:
        found = Input(kinds[data[0] % len(kinds)], data[1:]) if data else Input("latex", b"")
        if problem := failure(found, 10 * SLOW):
            print(f"{problem}{found.save(folder)}", file=sys.stderr)
            raise RuntimeError("an input fails")

    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, kind in enumerate(kinds):
        for text in (documents() if kind.endswith("document") else formulas())[:60]:
            data = bytes([number]) + (f"$${text}$$" if kind == "check" else text).encode()
            (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    own = [str(corpus), "-max_len=4096", "-timeout=60", f"-artifact_prefix={folder}/"]
    atheris.Setup([sys.argv[0], *own, *arguments], one)
    atheris.Fuzz()


def main() -> int:
    """Run, print a line, and return 1 where an input fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    parser.add_argument("--save", type=Path, default=Path("fuzz-failures"), help="where inputs that fail are kept")
    parser.add_argument("--replay", type=Path, help="try one saved input")
    parser.add_argument("--atheris", action="store_true", help="guided by coverage; arguments of libFuzzer follow --")
    parser.add_argument("arguments", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.replay:
        problem = failure(Input.load(options.replay))
        print(problem or "nothing fails", end="" if problem else "\n")
        return int(bool(problem))
    if options.atheris:
        guided(options.arguments, options.save)
    start = time.perf_counter()
    failures: Counter[str] = Counter()
    for number, problem in fuzz(options.inputs, options.jobs, options.seed, first=options.first):
        *_, what = lines = problem.strip().splitlines()
        where = ([line.strip() for line in lines if "judge/" in line and line.lstrip().startswith("File ")] or [what])[
            -1
        ]
        failures[where] += 1
        if failures[where] <= SHOWN:
            path = made(number, options.seed).save(options.save)
            print(f"input {number}: {what[:200]}\n  {where}\n  {path}", file=sys.stderr, flush=True)
    took, count = time.perf_counter() - start, sum(failures.values())
    print(f"{options.inputs:,} inputs in {took:,.0f} s ({options.inputs / took:,.0f} a second): {count} fail")
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main())
