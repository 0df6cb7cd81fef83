"""C source → shared library: a compiler is found, asked what the machine has, and its result kept by content.

The folder of kept libraries is private to the user (0700), because what lies in it is run. A library appears there by a
rename, whole or not at all, so that any number of processes can build at once; its name is a hash of all that it is
made from, so that nothing is ever out of date. The folder is bounded: what was not used for longest goes first.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from chainrule.native.target import Target

FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-std=gnu11", "-w")
"""None of these changes what NaN and infinity do; contraction rounds a·b + c once in place of twice."""

MIXING = ("-fschedule-insns", "-fsched-pressure")
"""For GCC, where code without loops computes several tiles of samples: their instructions are mixed, so that the
processor works on one tile while another waits. Clang does so by itself; blocks of registers are mixed already."""

LINK = ("-fPIC", "-shared", "-fvisibility=hidden")

CACHE_BYTES = 256 * 2**20
CACHE_FILES = 1024


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C compiler: the words that start it, what it says of itself and of the machine, and the flags that mix."""

    command: tuple[str, ...]
    identity: str
    vector_bytes: int
    registers: int
    mixing: tuple[str, ...] = ()

    def target(self, dtype: str) -> Target:
        """Return the target of code with a number type."""
        return Target(dtype, self.vector_bytes, self.registers)


@dataclass(frozen=True, slots=True)
class Built:
    """A library, and how long it took; 0 where it was there already."""

    path: Path
    seconds: float


class BuildError(Exception):
    """The compiler did not make a library; `str()` is the first line that it said."""


def find_compiler(cc: str | None = None) -> Compiler | None:
    """Return the compiler to use, or None where there is none that works.

    Args:
        cc: its name or path; left out, the one that $CC names, else cc, gcc or clang, else that of the ziglang package.
    """
    return _found(cc or os.environ.get("CC"))


@cache
def _found(asked: str | None) -> Compiler | None:
    candidates: list[tuple[str, ...]] = [tuple(asked.split())] if asked else [("cc",), ("gcc",), ("clang",)]
    if not asked and find_spec("ziglang") is not None:
        candidates.append((sys.executable, "-m", "ziglang", "cc"))
    for command in candidates:
        if shutil.which(command[0]) is None:
            continue
        try:
            found = _ask(command)
        except (OSError, subprocess.SubprocessError):
            continue
        return found
    return None


def _ask(command: tuple[str, ...]) -> Compiler:
    """Return what a compiler defines for this machine."""
    done = subprocess.run(
        [*command, "-march=native", "-dM", "-E", "-x", "c", os.devnull],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    macros = set(done.stdout.split())
    if "__AVX512F__" in macros and "__AVX512DQ__" in macros:
        size, registers = 64, 32
    elif "__AVX2__" in macros and "__FMA__" in macros:
        size, registers = 32, 16
    else:
        size, registers = 16, 32 if "__aarch64__" in macros else 16
    identity = hashlib.sha256("\n".join(sorted(done.stdout.splitlines())).encode()).hexdigest()
    return Compiler(command, identity + platform.machine(), size, registers, () if "__clang__" in macros else MIXING)


def build(source: str, compiler: Compiler, *, threads: int = 1, unrolled: bool = False) -> Built:
    """Return the library of a C source, from the folder of kept ones or newly made.

    Args:
        source: the C source.
        compiler: from `find_compiler`.
        threads: how many threads it starts.
        unrolled: whether it is code without loops, several tiles at a time.

    Raises:
        BuildError: where the compiler fails.
    """
    mixing = compiler.mixing if unrolled else ()
    flags = [*FLAGS, *mixing, *LINK, *(("-pthread",) if threads > 1 else ())]
    content = "\0".join([source, compiler.identity, *compiler.command, *flags])
    name = hashlib.sha256(content.encode()).hexdigest()[:40]
    folder = cache_folder()
    kept = folder / f"{name}.so"
    if kept.exists():
        with contextlib.suppress(OSError):
            os.utime(kept)  # used now
        return Built(kept, 0.0)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=folder, prefix=".build-") as aside:
        text, made = Path(aside, "kernel.c"), Path(aside, "kernel.so")
        text.write_text(source, encoding="utf-8")
        try:
            done = subprocess.run(
                [*compiler.command, *flags, str(text), "-o", str(made), "-lm"],
                capture_output=True, text=True, check=False, timeout=600,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            raise BuildError(str(error)) from None
        if done.returncode or not made.exists():
            said = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:200])
            raise BuildError(said or f"exit code {done.returncode}")
        os.chmod(made, 0o600)
        os.replace(made, kept)
    bound(folder, keep=kept)
    return Built(kept, time.perf_counter() - begun)


def cache_folder() -> Path:
    """Return the folder of kept libraries, made where it is not there: $CHAINRULE_CACHE, else the user's cache folder.

    Where that cannot be written, or belongs to somebody else, it is a private folder for this process.
    """
    named = os.environ.get("CHAINRULE_CACHE")
    if named:
        wanted = Path(named)
    elif sys.platform == "darwin":
        wanted = Path.home() / "Library" / "Caches" / "chainrule"
    else:
        wanted = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chainrule"
    folder = wanted / "native"
    try:
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        facts = folder.stat()
        if facts.st_uid != os.getuid():
            return _private()
        if facts.st_mode & 0o077:
            os.chmod(folder, 0o700)
        if not os.access(folder, os.W_OK | os.X_OK):
            return _private()
    except OSError:
        return _private()
    return folder


@cache
def _private() -> Path:
    return Path(tempfile.mkdtemp(prefix="chainrule-"))


def bound(folder: Path, *, keep: Path | None = None) -> None:
    """Remove the libraries not used for longest until the folder is within its bounds, and what killed builds left."""
    found: list[tuple[float, int, Path]] = []
    for path in folder.glob("*.so"):
        with contextlib.suppress(OSError):
            facts = path.stat()
            found.append((facts.st_mtime, facts.st_size, path))
    total, count = sum(size for _, size, _ in found), len(found)
    for _, size, path in sorted(found):
        if total <= CACHE_BYTES and count <= CACHE_FILES:
            break
        if path == keep:
            continue
        path.unlink(missing_ok=True)  # whoever has it loaded keeps it
        total, count = total - size, count - 1
    old = time.time() - 3600
    for aside in folder.glob(".build-*"):
        with contextlib.suppress(OSError):
            if aside.stat().st_mtime < old:
                shutil.rmtree(aside, ignore_errors=True)


def clear_cache() -> tuple[int, int]:
    """Remove every kept library; return how many there were, and their bytes."""
    count, total = cache_size()
    for path in cache_folder().glob("*.so"):
        path.unlink(missing_ok=True)
    return count, total


def cache_size() -> tuple[int, int]:
    """Return how many libraries are kept, and their bytes."""
    sizes = [path.stat().st_size for path in cache_folder().glob("*.so")]
    return len(sizes), sum(sizes)
