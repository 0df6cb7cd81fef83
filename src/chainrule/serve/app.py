"""The addresses of the server, and what each answers.

GET  /                        the page                POST /api/derive   a figure → bundle and address of its code
GET  /page/…, /serve/…        its files               POST /api/judge    a document → report
GET  /code/….js               the code of a figure    POST /api/export   a figure → a file
GET  /api/start               what it begins with     POST /api/train    data → a training
GET  /api/train/ID/events     what it tells           POST /api/train/ID/go, pause, step, speed, stop
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from chainrule.errors import ChainruleError
from chainrule.page import static
from chainrule.page.modules import in_order, katex
from chainrule.prose import LANGUAGES, sentences
from chainrule.rules import ACTIVATIONS, LOSSES
from chainrule.serve.crew import Crew
from chainrule.serve.guard import LOOPBACK, Guard, error_body, language
from chainrule.serve.requests import RequestError, read_fields, status_of
from chainrule.serve.take import FORMS
from chainrule.serve.trainer import MOST_SPEED, TRAIN
from chainrule.serve.training import WORDS, Trainings
from chainrule.serve.work import DERIVE, EXPORT, JUDGE
from chainrule.train.settings import INITIALS, OPTIMIZERS

log = logging.getLogger("chainrule.serve")

COOKIE = "chainrule-visitor"
"""The cookie by which a visitor's trainings are his own."""

DERIVE_SECONDS = 20.0
EXPORT_SECONDS = 60.0
"""How long deriving and exporting may take."""

KEPT = 64
"""How many derived figures are kept at hand."""

_STATIC = Path(str(files("chainrule.serve"))) / "static"
_VISITOR = re.compile(r"[A-Za-z0-9_-]{22,64}")


@dataclass(frozen=True, slots=True)
class Choices:
    """What the server was started with.

    Attributes:
        network: the figure that the page begins with: shorthand or TOML.
        lang: the language that it begins in.
        names, addresses: what the server may be called; see `chainrule.serve.guard.Guard`.
        jobs: how many processes judge; another one derives and exports.
        seconds: how long a judgement may take.
    """

    network: str
    lang: str = "en"
    names: tuple[str, ...] = LOOPBACK
    addresses: bool = False
    jobs: int = 2
    seconds: float = 10.0


class Site:
    """What the answers share: the processes, the trainings, and figures that were derived."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.beginning = {
            "network": choices.network, "lang": choices.lang, "exports": FORMS, "activations": list(ACTIVATIONS),
            "losses": list(LOSSES), "optimizers": list(OPTIMIZERS), "initials": INITIALS,
            "texts": {lang: sentences("panel", lang=lang) for lang in LANGUAGES},
        }  # fmt: skip
        self.judges = Crew(choices.jobs, "judge")
        self.scribes = Crew(
            1, "derive", nice=0
        )  # they are waited for at every change on the page: judging must not hold them up
        self.trainings = Trainings()
        self.derived: OrderedDict[str, bytes] = OrderedDict()
        self.code: OrderedDict[str, bytes] = OrderedDict()

    def close(self) -> None:
        """End everything that computes."""
        self.trainings.close()
        self.judges.close()
        self.scribes.close()

    async def home(self, request: Request) -> Response:
        """The page."""
        text = (_STATIC / "index.html").read_text(encoding="utf-8")
        text = text.replace('lang="en"', f'lang="{self.choices.lang}"', 1).replace(
            "</head>", f"{_preloads()}</head>", 1
        )
        answer = HTMLResponse(text, headers={"Cache-Control": "no-cache"})
        if not _VISITOR.fullmatch(request.cookies.get(COOKIE, "")):
            answer.set_cookie(COOKIE, secrets.token_urlsafe(24), httponly=True, samesite="strict", path="/")
        return answer

    async def start(self, request: Request) -> Response:
        """What the page begins with."""
        return _json(self.beginning)

    async def derive(self, request: Request) -> Response:
        """The bundle of a figure, and where its code is."""
        fields = await read_fields(request, DERIVE)
        body = await self.derivation(fields.found, wanted=_waits(request))
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})

    async def derivation(self, asked: dict[str, Any], wanted: Callable[[], Awaitable[bool]] | None = None) -> bytes:
        """Return the answer to what is asked about a figure; what was asked lately is at hand."""
        key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        body = self.derived.get(key)
        if body is None:
            found = await self.scribes.run("derive", asked, seconds=DERIVE_SECONDS, wanted=wanted)
            code = found.pop("code").encode()
            name = hashlib.sha256(code).hexdigest()[:32]
            _keep(self.code, name, code)
            body = json.dumps({**found, "code": f"/code/{name}.js"}, ensure_ascii=False, allow_nan=False).encode()
            _keep(self.derived, key, body)
        return body

    async def ready(self) -> None:
        """Derive the figure that the page begins with, before somebody asks for it."""
        with suppress(ChainruleError):  # who asks for it is told
            await self.derivation({"network": self.choices.network, "lang": self.choices.lang})

    async def module(self, request: Request) -> Response:
        """The code of a figure that was derived."""
        code = self.code.get(request.path_params["name"])
        if code is None:
            raise RequestError("no_code")
        return Response(
            code, media_type="text/javascript", headers={"Cache-Control": "private, max-age=31536000, immutable"}
        )

    async def judge(self, request: Request) -> Response:
        """The report of a document."""
        fields = await read_fields(request, JUDGE)
        fields.text("document")
        seconds = self.choices.seconds
        # The judge watches the time itself, and reports what it reached; a formula that holds it up longer is killed.
        asked = {**fields.found, "seconds": seconds}
        return _json(await self.judges.run("judge", asked, seconds=2 * seconds + 5, wanted=_waits(request)))

    async def export(self, request: Request) -> Response:
        """A figure as a file."""
        fields = await read_fields(request, EXPORT)
        taken = await self.scribes.run("export", fields.found, seconds=EXPORT_SECONDS, wanted=_waits(request))
        headers = {
            "Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{taken.name}"',
            # A drawing or a page may hold what a visitor wrote: opened at this address, it runs nothing.
            "Content-Security-Policy": "sandbox; default-src 'none'",
        }  # fmt: skip
        return Response(taken.content, media_type=taken.type, headers=headers)

    async def train(self, request: Request) -> Response:
        """A training, begun."""
        visitor = _visitor(request)
        fields = await read_fields(request, TRAIN)
        run = self.trainings.start(visitor, fields.found)
        return _json({"id": run.id}, status=201)

    async def lead(self, request: Request) -> Response:
        """A training, told what to do."""
        run = self.trainings.find(_visitor(request), request.path_params["id"])
        word = request.path_params["word"]
        if word not in WORDS:
            raise HTTPException(404)
        fields = await read_fields(request, {"speed"})
        value = fields.number("speed", low=0.1, high=MOST_SPEED) if word == "speed" else 0.0
        self.trainings.lead(run, word, value)
        return _json({})

    async def events(self, request: Request) -> Response:
        """What a training tells."""
        run = self.trainings.find(_visitor(request), request.path_params["id"])
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self.trainings.watch(run), media_type="text/event-stream", headers=headers)


def make_app(choices: Choices) -> tuple[Guard, Site]:
    """Return the application, and what its answers share."""
    site = Site(choices)

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        site.judges.start()
        site.scribes.start()
        ready = asyncio.create_task(site.ready())
        try:
            yield
        finally:
            ready.cancel()
            site.close()

    routes = [
        Route("/", site.home),
        Route("/api/start", site.start),
        Route("/api/derive", site.derive, methods=["POST"]),
        Route("/api/judge", site.judge, methods=["POST"]),
        Route("/api/export", site.export, methods=["POST"]),
        Route("/api/train", site.train, methods=["POST"]),
        Route("/api/train/{id}/events", site.events),
        Route("/api/train/{id}/{word}", site.lead, methods=["POST"]),
        Route("/code/{name}.js", site.module),
        # Where the files stand on the disk, seen from the package: their imports of each other hold in both places.
        Mount("/page/static", _Static(directory=static())),
        Mount("/serve/static", _Static(directory=_STATIC)),
        Mount("/show/static/katex", _Static(directory=katex())),
    ]
    handlers: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
        ChainruleError: _refused, HTTPException: _missing, Exception: _broken
    }  # fmt: skip
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=life)
    return Guard(app, names=choices.names, addresses=choices.addresses), site


class _Static(StaticFiles):
    """Files that a browser asks about again each time, and gets again only when they have changed."""

    def file_response(self, *arguments: Any, **more: Any) -> Response:
        answer = super().file_response(*arguments, **more)
        answer.headers["Cache-Control"] = "no-cache"
        return answer


async def _refused(request: Request, error: ChainruleError) -> Response:
    known = error if isinstance(error, RequestError) else None
    status = status_of(error)
    body = error_body(error, language(request.scope))
    headers = {"Cache-Control": "no-store"}
    if status in (408, 413, 415):
        headers["Connection"] = "close"  # the rest of the body is not read
    if status == 503 and known is not None:
        headers["Retry-After"] = "2"
    return Response(body, status_code=status, media_type="application/json", headers=headers)


async def _missing(request: Request, error: HTTPException) -> Response:
    key = "no_method" if error.status_code == 405 else "no_address"
    answer = await _refused(request, RequestError(key, read=request.url.path[:80]))
    answer.headers.update(error.headers or {})
    return answer


async def _broken(request: Request, error: Exception) -> Response:
    log.critical("%s %s failed", request.method, request.url.path, exc_info=error)
    return await _refused(request, RequestError("job_failed"))


@cache
def _preloads() -> str:
    """Return the links that have every module fetched at once, and not only when another one asks for it."""
    own = [f"/serve/static/{path.name}" for path in sorted(_STATIC.glob("*.js"))]
    modules = [*(f"/page/static/{name}" for name in in_order()), *own]
    return "".join(f'<link rel="modulepreload" href="{module}">\n' for module in modules)


def _json(found: Any, *, status: int = 200) -> Response:
    body = json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    return Response(body, status_code=status, media_type="application/json", headers={"Cache-Control": "no-store"})


def _keep(table: OrderedDict[str, bytes], key: str, value: bytes) -> None:
    """Keep a value, and let the oldest ones go."""
    table[key] = value
    table.move_to_end(key)
    while len(table) > KEPT:
        table.popitem(last=False)


def _waits(request: Request) -> Callable[[], Awaitable[bool]]:
    """Return the question whether the one who asked still waits."""

    async def waits() -> bool:
        return not await request.is_disconnected()

    return waits


def _visitor(request: Request) -> str:
    """Return who asks.

    Raises:
        RequestError: where the page, which hands out the cookie, was never asked for (403).
    """
    found = request.cookies.get(COOKIE, "")
    if not _VISITOR.fullmatch(found):
        raise RequestError("no_visitor")
    return found
