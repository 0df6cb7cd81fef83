"""`chainrule check` as people run it: every form, exit codes, misuse, both languages, files whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from chainrule.cli import CHECK_FORMATS, main
from chainrule.judge.forms.record import schema
from chainrule.judge.forms.text import SIGNS
from chainrule.width import columns

RIGHT = r"$$\frac{\partial loss}{\partial w_{11}^3} = (pred - true) \cdot a_1^2$$" + "\n"
WRONG = "한국어 문장 안의 식 " + r"$\frac{\partial loss}{\partial w_{11}^3} = (true - pred) \cdot a_1^2$ 입니다." + "\n"
UNREAD = "왼쪽은 읽히고 오른쪽은 아닙니다: $pred = a_1^2 + q$\n"
DOCUMENTS = {"right.md": RIGHT, "wrong.md": WRONG, "unread.md": UNREAD, "empty.md": "", "words.md": "no formula\n"}
RUBRIC = '[targets]\n"∂loss/∂w_11^3" = 4\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in DOCUMENTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "rubric.toml").write_text(RUBRIC, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def check(folder, capsys):
    """Run `chainrule check` and return its exit code, what it wrote, and what it complained of."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(["check", *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return int(end.value.code or 0), out, err

    return run


def process(*arguments, **options):
    """Run a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "chainrule", "check", *arguments], capture_output=True, text=True, timeout=60, **options
    )


# Forms


def facts_of(form: str, text: str) -> tuple[int, int]:
    """Return how many `=` a form tells of, or lines, and how many of them it calls wrong."""
    match form:
        case "text":
            rows = [row for row in text.splitlines() if row[:5].strip().isdigit() and row[7:8] in SIGNS.values()]
            return len(rows), sum("✗" in row for row in rows)
        case "json" | "jsonl":
            data = json.loads(text)
            Draft202012Validator(schema()).validate(data)
            return len(data["links"]), data["counts"]["wrong"]
        case "junit":
            suites = ElementTree.fromstring(text)
            [suite] = suites
            cases = suite.findall("testcase")
            assert (int(suite.get("tests")), int(suite.get("failures"))) == (
                len(cases),
                len(suite.findall("*/failure")),
            )
            return len(cases), len(suite.findall("*/failure"))
        case "sarif":
            [run] = json.loads(text)["runs"]
            known = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
            assert {result["ruleId"] for result in run["results"]} <= known
            return 1, sum(result["level"] == "error" for result in run["results"])
        case "gradescope":
            tests = json.loads(text)["tests"]
            return len(tests), sum(test["status"] == "failed" for test in tests)
        case "nbgrader":
            [row] = csv.DictReader(io.StringIO(text))
            return int(float(row["max_score"])), int(float(row["max_score"]) - float(row["score"]))
        case "csv":
            rows = list(csv.DictReader(io.StringIO(text)))
            return len(rows), sum(row["verdict"] == "wrong" for row in rows)
        case "dodona":
            data = json.loads(text)
            return 1, sum(note["type"] == "error" for note in data["annotations"])
    raise AssertionError(form)


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("form", CHECK_FORMATS)
def test_every_form_says_what_is_right_and_what_is_wrong(check, form, lang):
    code, out, err = check("2-3-2-1", "right.md", "--format", form, "--lang", lang)
    assert (code, facts_of(form, out), err) == (0, (1, 0), "")
    code, out, err = check("2-3-2-1", "wrong.md", "--format", form, "--lang", lang)
    assert (code, facts_of(form, out), err) == (1, (1, 1), "")


@pytest.mark.parametrize("form", CHECK_FORMATS)
@pytest.mark.parametrize("document", ["empty.md", "words.md"])
def test_a_document_without_formulas_has_every_form(check, form, document):
    code, out, _ = check("2-3-2-1", document, "--format", form)
    assert code == 0
    if form in ("json", "jsonl", "sarif", "gradescope", "dodona"):
        json.loads(out)
    if form == "junit":
        assert ElementTree.fromstring(out).get("tests") == "0"
    if form == "text":
        assert "There is no equation in it." in out


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("r.txt", "text"),
        ("r.json", "json"),
        ("r.jsonl", "jsonl"),
        ("r.xml", "junit"),
        ("r.sarif", "sarif"),
        ("r.csv", "csv"),
    ],
)
def test_the_ending_of_the_output_names_the_form(check, folder, name, form):
    code, out, _ = check("2-3-2-1", "wrong.md", "-o", name)
    assert (code, out) == (1, "")
    assert facts_of(form, (folder / name).read_text(encoding="utf-8")) == (1, 1)
    assert check("2-3-2-1", "wrong.md", "-o", "r.log", "--format", "json")[0] == 1


def test_the_verdicts_are_the_same_in_both_languages(check):
    english = json.loads(check("2-3-2-1", "wrong.md", "--format", "json")[1])
    korean = json.loads(check("2-3-2-1", "wrong.md", "--format", "json", "--lang", "ko")[1])
    for link in (*english["links"], *korean["links"]):
        link.pop("message")
    for record in (english, korean):
        record.pop("seconds", None)
    assert english["links"] == korean["links"]


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_carets_stand_below_what_they_mean_where_letters_are_two_columns_wide(check, lang):
    """A caret is under the first letter of what is not read, also behind Hangul."""
    _, out, _ = check("2-3-2-1", "unread.md", "--lang", lang)
    rows = out.splitlines()
    at = next(number for number, row in enumerate(rows) if row.strip() and set(row.strip()) == {"^"})
    above, carets = rows[at - 1], rows[at]
    assert columns(above[: above.index("q$")]) == len(carets) - len(carets.lstrip())
    assert carets.count("^") == 1
    assert ("not read" in out) if lang == "en" else ("읽지 못함" in out)


# Exit codes


def test_unread_is_not_wrong(check):
    assert check("2-3-2-1", "unread.md")[0] == 0


def test_several_documents_are_wrong_where_one_is(check):
    code, out, _ = check("2-3-2-1", "right.md", "wrong.md")
    assert code == 1
    assert out.index("right.md") < out.index("wrong.md")
    code, out, err = check("2-3-2-1", "right.md", "missing.md", "wrong.md")
    assert code == 2
    assert "missing.md" in err
    assert "right.md" in out and "wrong.md" in out


def test_standard_input_is_a_document():
    done = process("2-3-2-1", "-", input=WRONG)
    assert done.returncode == 1
    assert "<stdin>" in done.stdout
    assert process("2-3-2-1", "-", input="∂loss/∂w_11^3 = (pred - true) a_1^2\n").returncode == 0


def test_a_reader_that_leaves_does_not_change_the_exit_code(folder):
    """`chainrule check … | head -1`: quiet, and what is wrong is wrong all the same."""
    started = subprocess.Popen(
        [sys.executable, "-m", "chainrule", "check", "2-3-2-1", "wrong.md", *["right.md"] * 40],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder,
    )  # fmt: skip
    started.stdout.close()
    assert started.stderr.read() == b""
    started.stderr.close()
    assert started.wait(60) == 1


# Misuse

MISUSE = {
    "nothing": ((), "NET"),
    "no document": (("2-3-2-1",), "FILE"),
    "no document to infer from": (("--infer",), "FILE"),
    "unknown network": (("nope", "right.md"), "nope"),
    "network in another place": (("right.md", "2-3-2-1"), "right.md"),
    "missing file": (("2-3-2-1", "missing.md"), "missing.md"),
    "a glob of nothing": (("2-3-2-1", "nothing*.md"), "nothing*.md"),
    "binary": (("2-3-2-1", "binary.md"), "binary.md"),
    "no notebook": (("2-3-2-1", "broken.ipynb"), "broken.ipynb"),
    "nothing to infer": (("--infer", "words.md"), "words.md"),
    "unknown form": (("2-3-2-1", "right.md", "--format", "odt"), "odt"),
    "form of many": (("2-3-2-1", ".", "--format", "sarif"), "sarif"),
    "unknown document format": (("2-3-2-1", "right.md", "--as", "odt"), "odt"),
    "unknown notation": (("2-3-2-1", "right.md", "--notation", "mine"), "mine"),
    "unknown option": (("2-3-2-1", "right.md", "--rubrik", "rubric.toml"), "--rubrik"),
    "limit": (("2-3-2-1", "right.md", "--limit", "0"), "--limit"),
    "jobs": (("2-3-2-1", "right.md", "--jobs", "0"), "--jobs"),
    "missing rubric": (("2-3-2-1", "right.md", "--rubric", "none.toml"), "none.toml"),
    "rubric that is none": (("2-3-2-1", "right.md", "--rubric", "right.md"), "right.md"),
    "rubric with a wrong key": (("2-3-2-1", "right.md", "--rubric", "wrong.toml"), "wrong.toml"),
    "marked copy of two": (("2-3-2-1", "right.md", "wrong.md", "--marked", "m.html"), "--marked"),
    "marked copy of a folder": (("2-3-2-1", ".", "--marked", "m.html"), "--marked"),
    "marked copy in no form": (("2-3-2-1", "right.md", "--marked", "m.odt"), "m.odt"),
    "output without a form": (("2-3-2-1", "right.md", "-o", "r.odt"), "r.odt"),
    "output nowhere": (("2-3-2-1", "right.md", "-o", "none/r.json"), "none/r.json"),
    "output over a folder": (("2-3-2-1", "right.md", "-o", "sub"), "sub"),
    "a file for a folder": (("2-3-2-1", "right.md/a.md"), "right.md/a.md"),
}


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("case", MISUSE)
def test_misuse_says_what_was_read_and_writes_nothing(check, folder, case, lang):
    (folder / "binary.md").write_bytes(bytes(range(256)))
    (folder / "broken.ipynb").write_text("{", encoding="utf-8")
    (folder / "wrong.toml").write_text("[pointss]\nlink = 1\n", encoding="utf-8")
    (folder / "sub").mkdir()
    arguments, read = MISUSE[case]
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    code, out, err = check(*arguments, "--lang", lang)
    assert (code, out) == (2, ""), err
    assert read in err
    hangul = any("가" <= letter <= "힣" for letter in err)
    assert hangul == (lang == "ko")
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_an_output_that_fails_leaves_what_was_there(check, folder):
    (folder / "r.json").write_text("kept", encoding="utf-8")
    assert check("2-3-2-1", "missing.md", "-o", "r.json")[0] == 2
    assert (folder / "r.json").read_text(encoding="utf-8") == "kept"
    assert check("2-3-2-1", "right.md", "-o", "r.json")[0] == 0
    assert json.loads((folder / "r.json").read_text(encoding="utf-8"))["score"] == 1
    assert not list(folder.glob(".*"))


# Points and marked copies


def test_a_rubric_gives_the_points(check):
    code, out, _ = check("2-3-2-1", "right.md", "--rubric", "rubric.toml", "--format", "gradescope")
    assert (code, json.loads(out)["score"]) == (0, 5.0)


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("ending", ["html", "htm", "md", "markdown", "tex"])
def test_a_marked_copy_holds_the_document_and_what_is_said(check, folder, ending, lang):
    code, out, _ = check("2-3-2-1", "wrong.md", "--marked", f"m.{ending}", "--lang", lang)
    assert code == 1 and out
    copy = (folder / f"m.{ending}").read_text(encoding="utf-8")
    assert "한국어 문장 안의 식" in copy
    assert ("sign" if lang == "en" else "부호") in copy
    assert "pred - true" in copy.replace("−", "-")


def test_marks_stand_behind_the_title_of_a_paper(check, folder):
    r"""\maketitle begins a page of its own: what stands before it would be alone on the first."""
    body = "\\begin{document}\n% no \\maketitle yet\n\\maketitle\n" + RIGHT + "\\end{document}\n"
    (folder / "paper.tex").write_text("\\documentclass{article}\n\\title{T}\n" + body, encoding="utf-8")
    assert check("2-3-2-1", "paper.tex", "--marked", "m.tex")[0] == 0
    copy = (folder / "m.tex").read_text(encoding="utf-8")
    assert copy.index("\n\\maketitle") < copy.index("\\begin{chainrulemarks}\n") < copy.index("w_{11}^3")


# The network found


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_infer_says_what_it_found_and_what_is_open(check, folder, lang):
    (folder / "open.md").write_text(
        "$z^{(1)} = W^{(1)} x$, $h^{(1)} = f(z^{(1)})$, $\\hat y = W^{(2)} h^{(1)}$\n\n"
        "$E = \\frac12 \\|\\hat y - y\\|^2$\n",
        encoding="utf-8",
    )
    code, out, _ = check("--infer", "open.md", "--lang", lang)
    assert code == 0
    assert "3-4-5" in out
    assert "0, 1, 2" in out
    assert "tanh, relu" in out


def test_infer_on_the_seed_says_which_lines_one_network_would_have_wrong(check):
    seed = Path(__file__).parents[1] / "fixtures" / "seed" / "derivation.md"
    code, out, _ = check("--infer", str(seed), "--no-repairs")
    assert code == 1
    said = next(row for row in out.splitlines() if "growing" in row)
    assert "2-1, 2-100-1, 2-100-50-1" in said
    assert "61, 63, 65, 67" in said
