"""What a request brings: a body of JSON, read with a patience that ends, and its fields, each checked."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from chainrule.errors import ChainruleError
from chainrule.figure.names import near, short

if TYPE_CHECKING:
    from starlette.requests import Request

MOST_BYTES = 1_000_000
"""How large a body may be."""

PATIENCE = 20.0
"""How many seconds a body may take to arrive."""


STATUS = {
    "other_origin": 403, "no_visitor": 403, "no_address": 404, "no_code": 404, "no_training": 404, "no_method": 405,
    "body_too_slow": 408, "body_too_large": 413, "not_json_type": 415, "unknown_host": 421, "large_for_page": 422,
    "process_lost": 422, "too_fast": 429, "head_too_large": 431, "nobody_waits": 499, "job_failed": 500,
    "too_many_waiting": 503, "too_many_trainings": 503, "server_ends": 503, "over_time": 504,
}  # fmt: skip
"""The status codes of HTTP that say what is the matter, by the keys of errors; 400 for others."""


class RequestError(ChainruleError):
    """A request that is not answered as it was asked."""

    @property
    def status(self) -> int:
        """The status code of HTTP."""
        return STATUS.get(self.key, 400)


def status_of(error: ChainruleError) -> int:
    """Return the status code for an error; 422 for what was read and makes no sense."""
    return error.status if isinstance(error, RequestError) else 422


async def read_fields(request: Request, known: Collection[str]) -> Fields:
    """Return the fields of a request's body, which is a JSON object.

    Raises:
        RequestError: for another type (415), a body too large (413) or too slow (408), and anything that is no such
            object (400).
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RequestError("not_json_type", read=short(kind) or "–")
    return Fields(_parsed(await _body(request)), known)


async def _body(request: Request) -> bytes:
    said = request.headers.get("content-length", "0")
    if said.isascii() and said.isdigit() and int(said[:20]) > MOST_BYTES:
        raise RequestError("body_too_large", most=MOST_BYTES)
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for piece in request.stream():
                body += piece
                if len(body) > MOST_BYTES:
                    raise RequestError("body_too_large", most=MOST_BYTES)
    except TimeoutError:
        raise RequestError("body_too_slow", seconds=f"{PATIENCE:g}") from None
    return bytes(body)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body.decode("utf-8"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise RequestError("body_not_text", read=f"0x{body[error.start]:02x}", offset=error.start) from None
    except RecursionError:
        raise RequestError("body_too_deep") from None
    except ValueError as error:
        raise RequestError("body_not_json", reason=short(str(error))) from None
    if not isinstance(found, dict):
        raise RequestError("body_no_object", read=type(found).__name__)
    return found


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


class Fields:
    """The fields of a JSON object, each to be asked for by what it must be.

    Raises:
        RequestError: for a field that nobody asks for.

    Example:
        >>> fields = Fields({"network": "2-3-1", "speed": 5}, {"network", "speed"})
        >>> fields.text("network"), fields.number("speed", low=0, high=100)
        ('2-3-1', 5.0)
    """

    def __init__(self, found: dict[str, Any], known: Collection[str]) -> None:
        self.found = found
        for name in found:
            if name not in known:
                raise RequestError(
                    "unknown_field", read=short(name), known=", ".join(sorted(known)),
                    near=near(name, sorted(known)) or min(known, default="–"),
                )  # fmt: skip

    def has(self, name: str) -> bool:
        """Return whether a field is there, and not null."""
        return self.found.get(name) is not None

    def text(self, name: str, *, default: str | None = None) -> str:
        """Return a text; whatever is in it can be written as UTF-8."""
        if default is not None and not self.has(name):
            return default
        read = self.found.get(name)
        if not isinstance(read, str):
            raise self._wrong(name, "text")
        try:
            read.encode("utf-8")
        except UnicodeEncodeError:
            raise self._wrong(name, "text") from None
        return read

    def choice(self, name: str, known: Collection[str], *, default: str | None = None) -> str:
        """Return one of some words."""
        if default is not None and not self.has(name):
            return default
        read = self.found.get(name)
        if not isinstance(read, str) or read not in known:
            raise self._wrong(name, " | ".join(known))
        return read

    def number(self, name: str, *, low: float, high: float, default: float | None = None) -> float:
        """Return a finite number within a range, both ends belonging to it."""
        if default is not None and not self.has(name):
            return default
        read = self.found.get(name)
        if isinstance(read, bool) or not isinstance(read, int | float) or not low <= read <= high:
            raise self._wrong(name, f"{low:g} … {high:g}")
        return float(read)

    def whole(self, name: str, *, low: int, high: int, default: int | None = None) -> int:
        """Return a whole number within a range."""
        read = self.number(name, low=low, high=high, default=default)
        if not float(read).is_integer():
            raise self._wrong(name, f"{low}, {low + 1}, …, {high}")
        return int(read)

    def numbers(self, name: str) -> list[float] | None:
        """Return a flat list of finite numbers, or None where there is none."""
        if not self.has(name):
            return None
        read = self.found[name]
        if not isinstance(read, list) or not all(map(_is_finite, read)):
            raise self._wrong(name, "[0.5, −1, …]")
        return [float(number) for number in read]

    def inner(self, name: str, known: Collection[str]) -> Fields:
        """Return the fields of an object within; one that is left out has none."""
        read = self.found.get(name, {})
        if not isinstance(read, dict):
            raise self._wrong(name, "{…}")
        return Fields(read, known)

    def _wrong(self, name: str, expected: str) -> RequestError:
        read = short(json.dumps(self.found[name], ensure_ascii=True)) if name in self.found else "–"
        return RequestError("wrong_field", name=name, read=read, expected=expected)


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False
