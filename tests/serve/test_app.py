"""What the addresses answer: the same as the command line does, for many visitors at once, each job within its time."""

import asyncio
import concurrent.futures
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

import chainrule
from chainrule import Network
from chainrule.judge.forms.record import record
from chainrule.judge.marking import mark
from chainrule.serve.crew import Crew
from chainrule.serve.requests import RequestError
from chainrule.serve.take import ENDINGS, FORMS

SEED = (Path(__file__).parents[1] / "fixtures" / "seed" / "derivation.md").read_text(encoding="utf-8")
TRUTH = json.loads((Path(__file__).parents[1] / "fixtures" / "seed" / "truth.json").read_text(encoding="utf-8"))


def test_a_figure_is_derived(server):
    """Its bundle, and its code at an address of this server, as a module."""
    answer = server.post("/api/derive", network="2-3:tanh-1 --bias")
    assert Network.from_toml(answer.json["bundle"]["net"]["toml"]) == Network.read("2-3:tanh-1 --bias")
    code = server.ask("GET", answer.json["code"])
    assert code.status == 200 and code.headers["content-type"].startswith("text/javascript")
    assert b"export" in code.body


def test_numbers_on_the_screen_are_kept(server):
    """In the layout of the parameters, in rows of samples; what is not given is drawn, as `values` draws it."""
    given = {"p": [0.5, -1, 2], "x": [1, 2, 3, 4], "target": [0, 1]}
    assert server.post("/api/derive", network="2-1 --bias", **given).json["numbers"] == given
    drawn = server.post("/api/derive", network="2-1 --bias").json
    assert drawn["numbers"]["p"] == drawn["bundle"]["numbers"]["p"]


def test_a_figure_is_changed(server):
    """Without losing the numbers of what stays; what cannot be done is said."""
    change = {"what": "remove_unit", "layer": 1, "unit": 2}
    answer = server.post("/api/derive", network="2-3-1", p=list(range(1, 10)), change=change).json
    assert answer["bundle"]["net"]["shorthand"] == "2-2-1" and answer["numbers"]["p"] == [1, 3, 4, 6, 7, 9]
    assert answer["figure"]["layers"][0] == {"size": 2, "activation": "sigmoid", "bias": False}
    refused = server.post("/api/derive", network="2-3-1", change={"what": "remove_edge", "weight": "w_99^1"})
    assert (refused.status, refused.key) == (422, "no_edge")


def test_the_seed_is_judged(server):
    """All 58 links, as the truth about the seed has them, and the edge that each wrong index speaks of."""
    found = server.post("/api/judge", document=SEED, network="2-3-2-1", name="derivation.md").json
    wrong = [link for link in found["links"] if link["verdict"] in ("wrong", "carried")]
    assert len(found["links"]) == 58
    truth = [row["line"] for row in TRUTH for link in row["links"] if link["verdict"] == "wrong"]
    assert [link["line"] for link in wrong] == truth and len(truth) == 7
    for link in found["links"]:
        assert found["texts"][link["part"]][link["start"] : link["end"]].strip() == link["rhs"].strip()
    for link in wrong:
        if link["mistake"] == "swapped_index":
            assert link["said"] and link["meant"] and not set(link["said"]) & set(link["meant"])


def test_a_report_is_that_of_the_command_line(server):
    """What `chainrule check --format json` says, in both languages."""
    for lang in ("en", "ko"):
        found = server.post("/api/judge", document=SEED, network="2-3-2-1", name="derivation.md", lang=lang).json
        report = chainrule.check(SEED, "2-3-2-1", name="derivation.md")
        wanted = json.loads(json.dumps(record(report, mark(report), lang)))
        for link in found["links"]:
            for name in ("start", "end", "said", "meant"):
                del link[name]
        assert {name: found[name] for name in wanted} == wanted


def test_a_network_is_found(server):
    """From the document, where none is named."""
    found = server.post("/api/judge", document="$$pred = a_1^1 w_{11}^2 + a_2^1 w_{12}^2$$").json
    assert found["inferred"] and found["links"][0]["verdict"] == "right"


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_taken_along(server, form):
    """As a file, of its type, that a browser saves and never runs; with the numbers of the screen where it has any."""
    answer = server.post("/api/export", network="2-3-1", form=form, p=[0.125] * 9, x=[1, 2], target=[1], lang="ko")
    ending, kind = ENDINGS[form]
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["content-disposition"] == f'attachment; filename="2-3-1{ending}"'
    assert answer.headers["content-security-policy"].startswith("sandbox")
    starts = {"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<svg", "html": b"<!DOCTYPE html>"}
    assert answer.body.startswith(starts.get(form, b""))
    if form in ("toml", "latex", "markdown", "typst"):
        assert b"0.125" in answer.body
    if form == "toml":
        assert Network.from_toml(answer.body.decode()).given.inputs == ((1.0, 2.0),)


def test_exported_code_runs(server):
    """NumPy's gradient is the one of the page."""
    answer = server.post("/api/export", network="2-3-1", form="numpy")
    names: dict = {}
    exec(compile(answer.body, "exported", "exec"), names)
    assert any(callable(value) for value in names.values())


@pytest.mark.parametrize(
    "fields", [{"form": "exe"}, {"form": "svg", "selected": "w_99^1"}, {"form": "svg", "theme": "x"},
               {"form": "latex", "notation": "../seed"}],
)  # fmt: skip
def test_forms_that_there_are_not(server, fields):
    """Are refused."""
    assert server.post("/api/export", network="2-3-1", **fields).status in (400, 422)


def test_many_visitors_at_once(server):
    """None is lost; what they get is theirs."""

    def one(number: int) -> tuple[int, str]:
        letter = f"w_{{1{number % 3 + 1}}}^1"
        answer = server.post("/api/judge", document=f"$$pred = {letter} + {number}$$", network="3-1")
        return answer.status, answer.json["links"][0]["rhs"]

    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        found = list(pool.map(one, range(60)))
    assert [status for status, _ in found] == [200] * 60
    assert all(rhs.endswith(f"+ {number}") for number, (_, rhs) in enumerate(found))


SLOW = {
    "document": "".join(
        f"$$\\partial loss / \\partial w_{{1{k % 9 + 1}}}^2 = {k} \\cdot pred$$\n\n" for k in range(300)
    ),
    "network": "2-9-9-9-1",
    "seconds": 1000.0,
}


def test_a_job_that_takes_too_long_is_killed():
    """And only that one: the next one has a new process."""
    crew = Crew(1, "derive")

    async def both() -> None:
        crew.start()
        assert (await crew.run("derive", {"network": "2-1"}, seconds=60))["code"]
        before = crew.members[0].process.pid
        began = time.monotonic()
        with pytest.raises(RequestError) as caught:
            await crew.run("judge", SLOW, seconds=0.3)
        assert caught.value.key == "over_time" and time.monotonic() - began < 5
        assert (await crew.run("derive", {"network": "2-1"}, seconds=60))["code"]
        assert crew.members[0].process.pid != before

    try:
        asyncio.run(both())
    finally:
        crew.close()


def test_a_process_that_dies_is_replaced():
    """A job whose process is killed from outside is begun again."""
    crew = Crew(1, "derive")

    async def killed() -> None:
        crew.start()
        await crew.run("derive", {"network": "2-1"}, seconds=60)
        process = crew.members[0].process
        job = asyncio.create_task(crew.run("judge", {**SLOW, "seconds": 1.0}, seconds=60))
        await asyncio.sleep(0.3)
        process.kill()
        assert (await job)["links"]

    try:
        asyncio.run(killed())
    finally:
        crew.close()


def test_too_many_waiting_are_turned_away(monkeypatch):
    """At once, and told so; one who leaves while waiting costs nothing."""
    from chainrule.serve import crew as module

    monkeypatch.setattr(module, "MOST_WAITING", 2)
    crew = Crew(1, "derive")

    async def crowd() -> None:
        jobs = [asyncio.create_task(crew.run("derive", {"network": f"{k}-1"}, seconds=60)) for k in (1, 2, 3)]
        await asyncio.sleep(0)
        with pytest.raises(RequestError) as caught:
            await crew.run("derive", {"network": "4-1"}, seconds=60)
        assert caught.value.key == "too_many_waiting" and caught.value.status == 503
        jobs[1].cancel()
        await asyncio.sleep(0)

        async def gone() -> bool:
            return False

        with pytest.raises(RequestError) as caught:
            await crew.run("derive", {"network": "4-1"}, seconds=60, wanted=gone)
        assert caught.value.key == "nobody_waits"
        found = await asyncio.gather(*jobs, return_exceptions=True)
        assert [isinstance(one, dict) for one in found] == [True, False, True]

    try:
        asyncio.run(crowd())
    finally:
        crew.close()


def test_hostile_documents_are_survived(server):
    """Deep brackets, long chains, macros that grow: whatever comes of them, the next visitor is answered."""
    hostile = [
        "$$" + "(" * 100_000 + "$$",
        "$$" + "=".join(["pred"] * 3000) + "$$",
        r"$$\newcommand{\a}{\b\b}\newcommand{\b}{\c\c}\newcommand{\c}{\a\a} \a = 1$$",
        "$$" + r"\frac{1}{" * 5000 + "$$",
        "$$pred = " + "w_{11}^2 + " * 20_000 + "1$$",
        "\0\ufeff\u202e$$a = b$$",
    ]
    for document in hostile:
        assert server.post("/api/judge", document=document, network="2-3-2-1").status in (200, 422, 504)
    assert server.post("/api/judge", document="$$pred = pred$$", network="2-1").status == 200


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what a process fills")
def test_a_process_has_so_much_memory_and_no_more():
    """More of it is refused to the process, and nobody else notices."""
    code = (
        "from chainrule.serve.settle import settle, MOST_MEMORY\nsettle(nice=1)\n"
        "try:\n    bytearray(MOST_MEMORY + 1)\nexcept MemoryError:\n    print('refused')\n"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "refused\n"
    )
