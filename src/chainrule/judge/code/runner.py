"""The other side of `process.py`: a script that runs somebody's file, calls a function of it, and sends back numbers.

It runs in a process of its own, with limits, and imports nothing of chainrule. What goes between the two processes is
JSON and the raw bytes of arrays; nothing is pickled. A message is 8 bytes with the length of its head, the head
(JSON, whose `arrays` lists each array's shape and type), and the arrays one after another.

A tree, in both directions, is a number of nested nodes: `{"a": place}` an array of the message, `{"l": [...]}` a list,
`{"t": [...]}` a tuple, `{"d": [[key, node], ...]}` a mapping, `{"o": [[name, node], ...]}` an object with attributes,
`{"n": number}` a plain number, `{"u": text}` what is none of these.
"""

from __future__ import annotations

import json
import linecache
import math
import os
import struct
import sys
import traceback
import types
from typing import Any

MOST_NODES = 20_000
DEEPEST = 6


def limit(seconds: float, memory: int) -> None:
    """Set this process's limits: address space in bytes, CPU seconds, no core file, files of 64 MiB."""
    import resource

    wanted = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: math.ceil(seconds) + 1,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 64 << 20,
    }
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (most, most))
        except (ValueError, OSError):  # this system has no such limit; the time limit is kept from outside
            continue


# Messages


def send(out: Any, head: dict[str, Any], arrays: list[Any]) -> None:
    """Send a message."""
    head = {**head, "arrays": [[list(array.shape), array.dtype.str] for array in arrays]}
    text = json.dumps(head).encode()
    out.write(struct.pack(">Q", len(text)) + text)
    for array in arrays:
        out.write(array.tobytes())
    out.flush()


def receive(source: Any) -> tuple[dict[str, Any], list[Any]] | None:
    """Return the next message, or None where there is none any more."""
    import numpy as np

    start = source.read(8)
    if len(start) < 8:
        return None
    head = json.loads(source.read(struct.unpack(">Q", start)[0]))
    arrays = []
    for shape, dtype in head["arrays"]:
        count = math.prod(shape)
        data = source.read(count * np.dtype(dtype).itemsize)
        arrays.append(np.frombuffer(data, dtype=dtype).reshape(shape).copy())
    return head, arrays


# Arguments


class Names(dict[str, Any]):
    """Arrays by name, found under each usual spelling: W1, W_1, w1, weight1; an object with them as attributes too."""

    def __missing__(self, key: object) -> Any:
        wanted = spelled(key)
        for name, value in self.items():
            if wanted and spelled(name) == wanted:
                return value
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or (bool(spelled(key)) and any(spelled(name) == spelled(key) for name in self))

    def get(self, key: Any, default: Any = None) -> Any:
        """Return what stands under a name, in each of its spellings."""
        try:
            return self[key]
        except KeyError:
            return default


def spelled(name: object) -> str:
    """Return a name in one spelling: w1, b1."""
    if not isinstance(name, str):
        return ""
    text = name.lower().replace("_", "").replace(",", "").replace(" ", "")
    for long, short in (("weights", "w"), ("weight", "w"), ("biases", "b"), ("bias", "b"), ("theta", "w")):
        if text.startswith(long):
            return short + text[len(long) :]
    return text


def made(node: Any, arrays: list[Any], tensors: bool) -> Any:
    """Return what a tree stands for."""
    ((kind, value),) = node.items()
    if kind == "a":
        if tensors:
            import torch  # type: ignore[import-not-found, unused-ignore]

            return torch.from_numpy(arrays[value])
        return arrays[value]
    if kind == "n":
        return value
    if kind in "lt":
        items = [made(item, arrays, tensors) for item in value]
        return items if kind == "l" else tuple(items)
    found = {key: made(item, arrays, tensors) for key, item in value}
    return Names(found) if kind == "d" else types.SimpleNamespace(**found)


# Results


class Unsendable(Exception):
    """A result that is too large to be sent."""


class Tree:
    """Turns a result into a tree and arrays."""

    def __init__(self, most: int) -> None:
        self.arrays: list[Any] = []
        self.left = most
        self.nodes = 0

    def node(self, value: Any, depth: int = 0) -> dict[str, Any]:
        """Return the tree of a value."""
        import numpy as np

        self.nodes += 1
        if depth > DEEPEST or self.nodes > MOST_NODES:
            raise Unsendable
        if hasattr(value, "detach") and hasattr(value, "cpu"):
            value = value.detach().cpu().numpy()
        if hasattr(value, "__array__") and not isinstance(value, np.ndarray | np.generic):
            value = np.asarray(value)
        if isinstance(value, bool | int | float | np.generic):
            value = np.asarray(value)
        if isinstance(value, list) and value and self.rectangular(value, np):
            value = np.asarray(value, dtype=float)
        if isinstance(value, np.ndarray):
            return self.array(value, np)
        if isinstance(value, tuple) and hasattr(value, "_asdict"):
            value = value._asdict()
        if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
            value = {name: getattr(value, name) for name in value.__dataclass_fields__}
        if isinstance(value, types.SimpleNamespace):
            value = vars(value)
        if isinstance(value, dict):
            return {"d": [[str(key)[:100], self.node(item, depth + 1)] for key, item in value.items()]}
        if isinstance(value, list | tuple):
            return {"l" if isinstance(value, list) else "t": [self.node(item, depth + 1) for item in value]}
        return {"u": type(value).__name__}

    def array(self, value: Any, np: Any) -> dict[str, Any]:
        """Return the node of an array."""
        if value.dtype.kind == "O":
            return {"u": "object array"}
        if value.dtype.kind not in "fiub":
            return {"u": f"{value.dtype} array"}
        self.left -= value.size
        if self.left < 0:
            raise Unsendable
        single = value.dtype.kind == "f" and value.dtype.itemsize < 8
        with np.errstate(all="ignore"):
            self.arrays.append(np.ascontiguousarray(value, dtype="<f4" if single else "<f8").reshape(value.shape))
        return {"a": len(self.arrays) - 1}

    def rectangular(self, value: Any, np: Any, depth: int = 0) -> bool:
        """Whether a list is a matrix or vector of plain numbers."""
        if all(isinstance(item, int | float | np.number) for item in value):
            return True
        rows = depth < DEEPEST and all(isinstance(item, list) and item for item in value)
        same = rows and len({len(row) for row in value}) == 1
        return same and all(self.rectangular(row, np, depth + 1) for row in value)


# Errors


def failure(error: BaseException, path: str, stage: str) -> dict[str, Any]:
    """Return what is said of an exception: its kind and text, and the last place in the file itself."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = [frame for frame in frames if frame.filename == path]
    place = mine[-1] if mine else None
    try:
        text = str(error)
    except Exception:
        text = ""
    line = place.lineno if place else getattr(error, "lineno", None)
    return {
        "kind": "failed", "stage": stage, "type": type(error).__name__, "text": text[:500], "line": line,
        "function": place.name if place else None,
        "code": linecache.getline(path, line).strip()[:200] if line else None,
        "module": getattr(error, "name", None) if isinstance(error, ImportError) else None,
        "reached": max((frame.lineno or 0 for frame in mine), default=0),
    }  # fmt: skip


def load(path: str) -> dict[str, Any]:
    """Run the file as a module, and return its names. What stands under `__name__ == "__main__"` does not run."""
    module = types.ModuleType(os.path.splitext(os.path.basename(path))[0])
    module.__file__ = path
    sys.modules[module.__name__] = module
    with open(path, "rb") as file:
        exec(compile(file.read(), path, "exec", dont_inherit=True), module.__dict__)
    return module.__dict__


def serve(path: str, source: Any, out: Any, most: int) -> None:
    """Run the file, then answer calls until there are no more."""
    own = os.getpid()

    def say(head: dict[str, Any], arrays: list[Any]) -> None:
        if os.getpid() != own:  # a copy that the file made of this process has nothing to say
            os._exit(0)
        send(out, head, arrays)

    try:
        names = load(path)
    except BaseException as error:
        say(failure(error, path, "load"), [])
        return
    say({"kind": "loaded"}, [])
    while (message := receive(source)) is not None:
        head, arrays = message
        try:
            found = answer(names, head, arrays, most)
        except BaseException as error:
            found = failure(error, path, "call"), []
        say(*found)


def answer(
    names: dict[str, Any], head: dict[str, Any], arrays: list[Any], most: int
) -> tuple[dict[str, Any], list[Any]]:
    """Call the function, and return the message with what it returned."""
    before = [array.copy() for array in arrays]
    args = [made(node, arrays, head["tensors"]) for node in head["args"]]
    keywords = {name: made(node, arrays, head["tensors"]) for name, node in head["keywords"]}
    function = names.get(head["function"])
    if not callable(function):
        return {"kind": "absent"}, []
    result = function(*args, **keywords)
    tree = Tree(most)
    try:
        node = tree.node(result)
    except Unsendable:
        return {"kind": "too_large"}, []
    changed = [place for place, (old, new) in enumerate(zip(before, arrays, strict=True)) if (old != new).any()]
    sent = [*tree.arrays, *(arrays[place].astype("<f8") for place in changed)]
    return {"kind": "returned", "tree": node, "changed": changed}, sent


def main() -> None:
    """Read what to do from the command line: two file descriptors and the settings."""
    source, out = os.fdopen(int(sys.argv[1]), "rb"), os.fdopen(int(sys.argv[2]), "wb")
    settings = json.loads(sys.argv[3])
    limit(settings["seconds"], settings["memory"])
    path = settings["path"]
    sys.path[0] = os.path.dirname(path)
    sys.argv = [path]
    serve(path, source, out, settings["most"])


if __name__ == "__main__":
    main()
