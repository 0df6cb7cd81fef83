"""`chainrule check`: what the command does with its words and options."""

from __future__ import annotations

import glob
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from chainrule.errors import ChainruleError, SelectionError
from chainrule.judge.forms import write
from chainrule.judge.marking import Marks, Rubric, mark, read_rubric
from chainrule.judge.report import Report
from chainrule.network import Network
from chainrule.prose import sentence

MOST_AT_ONCE = 50
"""How many files are judged in this process and kept; more, and folders, go through workers."""


def check_documents(net: Network | None, words: Sequence[str], options: dict[str, Any]) -> Iterator[str | int]:
    """Yield the pieces of what `chainrule check` writes, and last its exit code.

    Args:
        net: the network, or None to find it.
        words: files, folders, globs; `-` is standard input.
        options: those of the command line.
    """
    if are_many(words, options):
        yield from _folder(net, words, options)
        return
    rubric = _rubric(options["rubric"])
    judged: list[tuple[Report, Marks]] = []
    failed = 0
    for word in words:
        try:
            report = _one(net, word, options)
        except ChainruleError as error:
            if len(words) == 1:
                raise
            print(error.message(lang=options["lang"]), file=sys.stderr)
            failed += 1
            continue
        judged.append((report, mark(report, rubric)))
    if options["marked"]:
        from chainrule.judge.marked import write_marked

        if len(judged) != 1:
            raise SelectionError("marked_of_one", read=len(judged))
        write_marked(options["marked"], *judged[0], lang=options["lang"])
    yield from write(judged, options["format_"] or "text", lang=options["lang"], colour=options["colour"])
    yield 2 if failed else int(any(report.wrong for report, _ in judged))


def are_many(words: Sequence[str], options: dict[str, Any]) -> bool:
    """Return whether documents go through workers, and their results into a folder."""
    if len(words) > MOST_AT_ONCE or options["jobs"] or options["dask"]:
        return True
    return any(os.path.isdir(word) or (glob.has_magic(word) and not os.path.exists(word)) for word in words)


def _one(net: Network | None, word: str, options: dict[str, Any]) -> Report:
    from chainrule.judge.api import check, check_file

    given: dict[str, Any] = {
        "notation": options["notation"], "repairs": options["repairs"], "seconds": options["limit"],
        "format": options["document_format"],
    }  # fmt: skip
    if word == "-":
        return check(sys.stdin.buffer.read(), net, name="<stdin>", **given)
    return check_file(word, net, **given)


def _rubric(path: str | None) -> Rubric | None:
    return None if path is None else read_rubric(_text(path), source=path)


def _text(path: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SelectionError("unreadable_rubric", read=path, reason=reason) from None


# Many


def _folder(net: Network | None, words: Sequence[str], options: dict[str, Any]) -> Iterator[str | int]:
    from chainrule.judge.folder import Settings, find, grade
    from chainrule.judge.forms.tables import row
    from chainrule.judge.journal import Journal
    from chainrule.judge.telling import named
    from chainrule.output import write_whole
    from chainrule.workers import workers_of

    if options["marked"]:
        raise SelectionError("marked_of_many")
    lang, form = options["lang"], options["format_"] or "text"
    if form not in ("text", "jsonl", "csv", "nbgrader"):
        raise SelectionError("form_of_many", read=form, known="text, jsonl, csv, nbgrader")
    rubric = None if options["rubric"] is None else _text(options["rubric"])
    _rubric(options["rubric"])
    settings = Settings(
        None if net is None else named(net), options["notation"], options["repairs"], rubric, lang, options["limit"]
    )
    folder = options["out"]
    tasks = list(find(words))
    with tempfile.TemporaryDirectory() as aside, workers_of(options["dask"] or options["jobs"]) as workers:
        place = Path(folder or aside) / "results.jsonl"
        with Journal(place, resume=options["resume"]) as journal:
            progress = _Progress(lang, len(tasks))
            rows: dict[str, str] = {}

            def told(record: dict[str, Any]) -> None:
                if sys.stdout.isatty():
                    progress.clear()
                sys.stdout.write(record_line(record, form, lang))
                sys.stdout.flush()
                progress.step()
                if folder:
                    rows[record["source"]] = row(_cells(record))

            yield "".join(_header(form))
            sys.stdout.flush()
            try:
                summary = grade(tasks, settings, workers=workers, journal=journal, told=told)
            except KeyboardInterrupt:
                if folder:
                    print(sentence("folder.resume", lang=lang, place=str(place)), file=sys.stderr)
                raise
            finally:
                progress.clear()
            if folder:
                write_whole(Path(folder) / "summary.csv", [row(COLUMNS), *(rows[name] for name in sorted(rows))])
            facts = {
                name: getattr(summary, name) for name in ("documents", "right", "wrong", "unread", "failed", "known")
            }
            rate = summary.documents / summary.seconds if summary.seconds else 0.0
            print(sentence("folder.summary", lang=lang, **facts, seconds=f"{summary.seconds:.1f}", rate=f"{rate:.0f}"),
                  file=sys.stderr)  # fmt: skip
    yield int(bool(summary.wrong or summary.failed))


def record_line(record: dict[str, Any], form: str, lang: str) -> str:
    """Return how one document's outcome is said while others are still judged."""
    import json

    from chainrule.judge.forms.tables import row

    if form == "jsonl":
        return json.dumps({name: value for name, value in record.items() if name != "key"}, ensure_ascii=False) + "\n"
    if form == "csv":
        return row(_cells(record))
    if form == "nbgrader":
        path = Path(record["source"])
        points, out_of = record.get("points", 0), record.get("out_of", 0)
        return row((path.stem, "", "", path.parent.name or path.stem, "", "", "", points, 0, points, out_of))
    if record.get("error"):
        return sentence("folder.failed", lang=lang, source=record["source"], reason=_in_a_line(record["error"])) + "\n"
    counts = record["counts"]
    points = f"{record['points']:.10g}/{record['out_of']:.10g}"
    return sentence("folder.document", lang=lang, source=record["source"], points=points, **counts) + "\n"


COLUMNS = (
    "source",
    "score",
    "points",
    "out_of",
    "right",
    "wrong",
    "carried",
    "unreadable",
    "definition",
    "mistakes",
    "error",
)


def _header(form: str) -> Iterator[str]:
    from chainrule.judge.forms.tables import NBGRADER, row

    if form == "csv":
        yield row(COLUMNS)
    elif form == "nbgrader":
        yield row(NBGRADER)


def _cells(record: dict[str, Any]) -> Iterable[object]:
    counts = record.get("counts", {})
    mistakes = sorted(
        {link["mistake"] for link in record.get("links", ()) if link["verdict"] == "wrong" and link["mistake"]}
    )
    return (
        record["source"], record.get("score", ""), record.get("points", ""), record.get("out_of", ""),
        *(counts.get(name, "") for name in COLUMNS[4:9]), " ".join(mistakes), _in_a_line(record.get("error", "")),
    )  # fmt: skip


def _in_a_line(text: str) -> str:
    return "; ".join(line.strip() for line in text.splitlines())


BAR = 24
"""How many cells the progress bar has."""


class _Progress:
    """A bar on standard error that says how many documents are done: on a terminal only."""

    def __init__(self, lang: str, total: int) -> None:
        self.lang = lang
        self.total = total
        self.shown = sys.stderr.isatty()
        self.done = 0
        self.started = time.monotonic()
        self.said = 0.0
        self.there = False

    def step(self) -> None:
        """Count one more."""
        self.done += 1
        now = time.monotonic()
        if self.shown and (not self.there or now - self.said > 0.2):
            self.said = now
            took = max(now - self.started, 1e-9)
            filled = BAR * self.done // max(self.total, 1)
            minutes, seconds = divmod(round(took / self.done * (self.total - self.done)), 60)
            text = sentence(
                "folder.progress", lang=self.lang, bar="#" * filled + "-" * (BAR - filled), done=self.done,
                total=self.total, rate=f"{self.done / took:.0f}", left=f"{minutes}:{seconds:02d}",
            )  # fmt: skip
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
            self.there = True

    def clear(self) -> None:
        """Take the bar away, so that a line can be written."""
        if self.there:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self.there = False
