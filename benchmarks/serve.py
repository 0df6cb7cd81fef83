"""What `chainrule serve` stands: `python benchmarks/serve.py [--visitors N] [--documents N]`.

A server of its own is started as a process. Visitors judge documents all at the same time, each of them another one;
while they do, and while somebody trains, another visitor goes on opening the page. The documents are those of
`tests/judge/submissions.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "judge"))

from submissions import submission

Paper = tuple[str, str]
"""What a document is called, and its text."""

WHILE_TRAINING = 10
"""How many documents are judged while somebody trains."""

PAGE = ("/", "/api/start", "/page/static/page.js", "/serve/static/start.js", "/show/static/katex/katex.min.css")
"""What is asked for when the page is opened, or a part of it."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=200, help="how many visitors there are at once")
    parser.add_argument("--documents", type=int, default=5, help="how many documents each of them has judged")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the page is opened while somebody trains")
    options = parser.parse_args()
    process = subprocess.Popen(
        [sys.executable, "-m", "chainrule", "serve", "2-3-2-1", "--port", "0", "--no-open"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    found = re.search(r"http://(\S+):(\d+)/", process.stdout.readline())
    assert found, "the server does not say where it is"
    try:
        asyncio.run(measure(f"{found[1]}:{found[2]}", int(found[2]), options))
    finally:
        process.terminate()
        process.wait()


@dataclass
class Taken:
    """How long requests took, and how many of them were not answered with what was asked for."""

    seconds: list[float] = field(default_factory=list)
    lost: int = 0

    def row(self, what: str) -> str:
        """Return a row of the table."""
        if not self.seconds:
            return f"| {what} | 0 | {self.lost} | – | – | – |"
        times = sorted(self.seconds)
        marks = (statistics.median(times), times[int(0.95 * (len(times) - 1))], times[-1])
        return (
            f"| {what} | {len(times)} | {self.lost} | " + " | ".join(f"{1000 * mark:,.0f} ms" for mark in marks) + " |"
        )


async def measure(host: str, port: int, options: argparse.Namespace) -> None:
    """Print the tables."""
    # Written beforehand: what visitors take to write is not the server's time.
    papers = [submission(number) for number in range(options.visitors * options.documents + WHILE_TRAINING + 1)]
    async with asyncio.timeout(60):
        while True:  # the processes of the server load what they need
            client = Client(host, port, 0)
            await client.ask("GET", "/")
            if (await client.judge(papers.pop()))[0] == 200:
                break
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, chainrule "
          f"{version('chainrule')}, uvicorn {version('uvicorn')}, starlette {version('starlette')}")  # fmt: skip
    print("\n| what | requests | lost | median | 95 % | slowest |\n|---|---|---|---|---|---|")
    idle = Taken()
    await opening(host, port, idle, asyncio.sleep(3))
    print(idle.row("the page, opened while nothing else happens"), flush=True)

    judged, opened = Taken(), Taken()
    began = time.perf_counter()
    visitors = [
        visit(host, port, number, [papers.pop() for _ in range(options.documents)], judged)
        for number in range(1, options.visitors + 1)
    ]
    await opening(host, port, opened, asyncio.gather(*visitors))
    whole = time.perf_counter() - began
    print(judged.row(f"a document judged, for {options.visitors} visitors at once"), flush=True)
    print(opened.row("the page, opened meanwhile"), flush=True)

    opened, judged = Taken(), Taken()
    trainer = Client(host, port, -1)
    await trainer.ask("GET", "/")
    trained = asyncio.create_task(trainer.train(options.seconds))
    await asyncio.sleep(2)  # it has started
    judging = asyncio.create_task(visit(host, port, 0, papers, judged))
    await opening(host, port, opened, asyncio.sleep(max(1.0, options.seconds - 2)))
    await judging
    epochs = await trained
    print(opened.row("the page, opened while somebody trains"), flush=True)
    print(judged.row("a document judged while somebody trains"), flush=True)
    count = options.visitors * options.documents
    print(f"\n{count} documents in {whole:.1f} s, {count / whole:.0f} a second; {epochs} epochs were trained.")


async def opening(host: str, port: int, taken: Taken, until: Awaitable[object]) -> None:
    """Open the page again and again until something is done."""
    done = asyncio.ensure_future(until)
    client = Client(host, port, -2)
    while not done.done():
        for path in PAGE:
            await timed(taken, lambda path=path: client.ask("GET", path))
        await asyncio.sleep(0.05)
    await done


async def visit(host: str, port: int, number: int, papers: list[Paper], taken: Taken) -> None:
    """Do what a visitor does: open the page, and have documents judged one after the other."""
    client = Client(host, port, number)
    await client.ask("GET", "/")
    for paper in papers:
        await timed(taken, lambda paper=paper: client.judge(paper))


async def timed(taken: Taken, request: Callable[[], Awaitable[tuple[int, bytes]]]) -> None:
    """Time one request."""
    began = time.perf_counter()
    try:
        status, _ = await request()
    except (OSError, EOFError, asyncio.IncompleteReadError):
        status = 0
    if status == 200:
        taken.seconds.append(time.perf_counter() - began)
    else:
        taken.lost += 1


class Client:
    """A visitor with a connection and a cookie."""

    def __init__(self, host: str, port: int, number: int) -> None:
        self.host = host
        self.port = port
        self.cookie = f"chainrule-visitor=benchmark-visitor-{number:08d}-x"
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, method: str, path: str, fields: dict[str, object] | None) -> asyncio.StreamReader:
        """Send a request, over the connection that there is."""
        if self.streams is None or self.streams[1].is_closing():
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        body = b"" if fields is None else json.dumps(fields).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nCookie: {self.cookie}\r\n"
        if fields is not None:
            head += f"Origin: http://{self.host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"\r\n" + body)
        await writer.drain()
        return reader

    async def ask(self, method: str, path: str, fields: dict[str, object] | None = None) -> tuple[int, bytes]:
        """Return the status of an answer, and its body; a connection that was let go meanwhile is made again."""
        for attempt in (1, 2):
            kept = self.streams is not None
            try:
                reader = await self.send(method, path, fields)
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                size = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(size[1])) if size else b""
            except (OSError, asyncio.IncompleteReadError):
                self.streams = None
                if attempt == 2 or not kept:
                    raise
            else:
                return int(head.split(" ", 2)[1]), body
        raise AssertionError

    async def judge(self, paper: Paper) -> tuple[int, bytes]:
        """Have a document judged."""
        name, text = paper
        return await self.ask("POST", "/api/judge", {"document": text, "name": name, "network": "2-3-2-1"})

    async def train(self, seconds: float) -> int:
        """Train as fast as it goes for so long; return how many epochs that were."""
        fields = {"network": "2-16:tanh-16:tanh-1", "data": "spiral", "speed": 10_000, "settings": {"epochs": 10_000}}
        _, body = await self.ask("POST", "/api/train", dict(fields))
        name = json.loads(body)["id"]
        watcher = Client(self.host, self.port, 0)
        watcher.cookie = self.cookie
        reader = await watcher.send("GET", f"/api/train/{name}/events", None)
        epochs, until = 0, time.perf_counter() + seconds
        while time.perf_counter() < until:
            line = await reader.readline()
            if not line:
                break
            if found := re.search(rb'"epoch": (\d+)', line):
                epochs = int(found[1])
        await self.ask("POST", f"/api/train/{name}/stop", {})
        return epochs


if __name__ == "__main__":
    main()
