"""Many kernels from one run of the compiler: what each source defines is renamed, and all are put into one file.

What is tested by it is what the code computes, not how fast: the compiler need not optimise.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path
from unittest import mock

from chainrule.native import for_any_samples, library
from chainrule.native.build import FLAGS, LINK, find_compiler
from chainrule.native.emit import emit
from chainrule.native.library import NativeKernel
from chainrule.native.lower import lower
from chainrule.native.optimizers import optimizer as optimizer_of

_DEFINED = re.compile(
    r"^(?:static|EXPORT)\b[^;={]*?\b(\w+)\(|^struct (\w+) \{|^static const int32_t (\w+)\[\]"
    r"|^static int64_t (\w+);|^\} (\w+) = \{",
    re.MULTILINE,
)
_CONSTANTS = re.compile(r"^enum \{([^}]*)\};", re.MULTILINE)


class _Part:
    """The functions of one source among those of a library."""

    def __init__(self, whole: ctypes.CDLL, number: int) -> None:
        self.whole, self.number = whole, number

    def __getitem__(self, name: str):
        return self.whole[f"{name}_{self.number}"]


def source_of(net, *, dtype="float64", unrolled=None, optimizer="sgd", threads=1):
    """The lowered network and its source."""
    lowered = lower(for_any_samples(net))
    target = find_compiler().target(dtype)
    return lowered, emit(lowered, target, optimizer_of(optimizer), unrolled=unrolled, threads=threads)


def renamed(source: str, number: int) -> str:
    """A source with a number behind every name that it defines."""
    names = {name for found in _DEFINED.findall(source) for name in found if name}
    names |= {name for text in _CONSTANTS.findall(source) for name in re.findall(r"\b[A-Z]\w*", text)}
    return re.sub(rf"\b({'|'.join(sorted(names))})\b", rf"\1_{number}", source)


def kernels_of(parts, folder: Path, *, dtype="float64", optimizer="sgd", threads=1, level="-O0"):
    """A kernel for each pair of a lowered network and its source, from one run of the compiler."""
    apart = "#undef ROW_BY_ROW\n#undef FUSED_STEP\n"
    (folder / "all.c").write_text(apart.join(renamed(source, at) for at, (_, source) in enumerate(parts)))
    flags = [level if flag == "-O3" else flag for flag in (*FLAGS, *LINK)]
    command = [*find_compiler().command, *flags, "-pthread", "all.c", "-o", "all.so", "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:3000]
    whole = ctypes.CDLL(str(folder / "all.so"))
    found = []
    for at, (lowered, source) in enumerate(parts):
        widths = (lowered.inputs, lowered.targets, lowered.outputs)
        options = {"dtype": dtype, "optimizer": optimizer_of(optimizer), "threads": threads, "source": source}
        with mock.patch.object(library.ctypes, "CDLL", lambda _, at=at: _Part(whole, at)):
            found.append(NativeKernel(folder / "all.so", lowered.layout, widths, **options))
    return found
