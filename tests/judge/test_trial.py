"""The judge against generated lines of known truth: no wrong line passes, no right line is refused."""

from __future__ import annotations

from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def test_two_thousand_lines(monkeypatch):
    """The whole measurement, of 50,000 lines each, stands in docs/judging.md."""
    monkeypatch.syspath_prepend(str(TOOLS))
    from judge_trial import chunk

    tally = chunk(1, 2000, 0.5, ("latex", "text", "typst"))
    failures = {
        kind: lines for kind, lines in tally.examples.items() if kind.startswith(("false", "crash", "repair not"))
    }
    assert not failures, "\n".join(line for lines in failures.values() for line in lines)
    assert tally.counts["unreadable"] == 0, tally.examples["unreadable"]


def test_the_trial_would_notice(monkeypatch):
    """A judge that calls everything right, or everything wrong, fails."""
    monkeypatch.syspath_prepend(str(TOOLS))
    import judge_trial

    from chainrule.judge.report import Line, Link, Verdict

    def say(verdict):
        def judge(case, *, repairs=True):
            links = tuple(
                Link(1, 1, 1, 1, 0, 0, index, "", "", ("", ""), verdict, None) for index in range(len(case.right))
            )
            return Line(0, 1, 0, 0, case.source, "", links)

        return judge

    for verdict, failure in ((Verdict.RIGHT, "false right"), (Verdict.WRONG, "false wrong")):
        monkeypatch.setattr(judge_trial, "judge_case", say(verdict))
        assert judge_trial.chunk(1, 200, 0.5).counts[failure] > 50
