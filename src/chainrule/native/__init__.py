"""The Derivation as native code: emitted, built, kept, called; and trained with.

    Derivation ─ lower ─► tile operations ─ emit ─► C ─ build ─► library ─► Kernel
      statements          (lower.py)        (unrolled.py, looped.py, driver.c)

**What is computed.** `lower` reads the statements of `derivation.program`, and nothing else: no layer is known to the
emitter. Each symbol with a sample index becomes an array over its units; statements that are products with parameters,
sums of outer products over the samples, softmax, or the loss are recognised by their indices; the rest is elementwise.
Missing edges and ties are tables of positions in the parameter buffer, not code.

**How.** The samples are the lanes of a vector. A small network is written out without loops (`unrolled`): a variable
for each unit, a vector of partial sums for each parameter, everything in registers or the first cache; the partial sums
are added over their lanes at the end, as many vectors at once as a vector has lanes. A larger one (`looped`) goes by
tiles of a few vectors of samples, `[unit][sample]`, so that no lane is wasted on layers of odd sizes; its
products are blocks of registers (`gemm`). Lanes beyond the last sample are left out of every sum by a mask, so a batch
of any size gives exactly what its samples give, NaN and infinity included. exp, log, tanh and erf are the
project's own, written for vectors (functions.c), their errors measured by a test. Forward, backward, reduction and
update are one pass; the loops of training are in C as well, shuffling included (driver.c), and allocate nothing.

**The parameter buffer.** One flat array. `kernel.layout` says where W_l, (in, out) with W_l[j, i] = w_ij^l, and b_l
stand: in the figure's order, row after row, without gaps. Where the figure has no edge, the entry is 0 and its gradient
is 0; weights tied to others stand only where the first of their group does. `layout.pack` and `layout.unpack` go
between the buffer and the matrices of `chainrule.values`. Gradients and the optimiser's moments have the same layout.

**State.** Beside the parameters, training is where the optimiser's moments, the number of steps, the epoch, the next
row in its order and the seed say. The order of an epoch is a function of seed and epoch (`shuffle`), so a stop at any
step, and a new start from the arrays of `State`, changes no bit.

**Many at once.** Of small networks an ensemble has one in each lane, and the samples go by one after another
(ensemble.py).

**Without a compiler** the same interface computes by NumPy, with the same results to rounding, and says so once.

Example:
    >>> from chainrule import Network, native
    >>> kernel = native.compile(Network.read("2-3-1"), dtype="float64", quiet=True)
    >>> params, state = kernel.draw(seed=0), kernel.state(seed=0)
    >>> X, Y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> losses = kernel.train(params, state, X, Y, steps=100, rate=0.1)
    >>> bool(losses[-1] < losses[0])
    True
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from chainrule.derive import Derivation, derive
from chainrule.errors import ProgramError
from chainrule.native.build import BuildError, build, cache_folder, cache_size, clear_cache, find_compiler
from chainrule.native.emit import describe, emit, is_small
from chainrule.native.ensemble import Ensemble, EnsembleState, compile_ensemble
from chainrule.native.kernel import Kernel, State
from chainrule.native.library import NativeKernel
from chainrule.native.lower import lower
from chainrule.native.numpy_kernel import NumpyKernel
from chainrule.native.optimizers import OPTIMIZERS, Optimizer
from chainrule.native.optimizers import optimizer as optimizer_of
from chainrule.native.target import Target
from chainrule.prose import sentence

if TYPE_CHECKING:
    from chainrule.network import Network

__all__ = [
    "OPTIMIZERS", "Ensemble", "EnsembleState", "Kernel", "Optimizer", "State", "cache_folder", "cache_size",
    "clear_cache", "compile", "compile_ensemble", "find_compiler", "source",
]  # fmt: skip

DTYPES = ("float32", "float64")


def compile(  # noqa: A001  # what it does; the builtin is not used here
    what: Derivation | Network,
    *,
    dtype: str = "float32",
    threads: int = 1,
    optimizer: str = "sgd",
    cc: str | None = None,
    unrolled: bool | None = None,
    quiet: bool = False,
    lang: str = "en",
) -> Kernel:
    """Return the kernel of a Derivation.

    Args:
        what: a Derivation of a network, for any number of samples; or the network.
        dtype: `float32` or `float64`.
        threads: how many threads share the rows of a large batch; the same number gives the same bits.
        optimizer: whose update `Kernel.train` makes; a name of `OPTIMIZERS`.
        cc: the C compiler; the first that is found where left out. `numpy` for none.
        unrolled: whether to write every index out; by the network's size where left out.
        quiet: whether to keep silent about building.
        lang: the language of what is said on stderr.

    Raises:
        SelectionError: where there is no such optimiser.
        ProgramError: where the Derivation is of no network, or of second order.
    """
    from chainrule.errors import SelectionError

    row = optimizer_of(optimizer)
    if dtype not in DTYPES:
        raise SelectionError("unknown_dtype", read=dtype, known=", ".join(DTYPES))
    lowered = lower(for_any_samples(what))
    widths = (lowered.inputs, lowered.targets, lowered.outputs)
    name = describe(lowered)
    compiler = None if cc == "numpy" else find_compiler(cc)
    unrolled = is_small(lowered) if unrolled is None else unrolled
    if compiler is not None:
        source = emit(lowered, compiler.target(dtype), row, threads=threads, unrolled=unrolled)
        try:
            built = build(source, compiler, threads=threads, unrolled=unrolled)
        except BuildError as error:
            say("compiler_failed", quiet, lang, why=str(error), name=name)
        else:
            if built.seconds:
                say("built", quiet, lang, name=name, seconds=f"{built.seconds:.2f}")
            return NativeKernel(
                built.path, lowered.layout, widths, dtype=dtype, optimizer=row, threads=threads, source=source
            )
    elif cc != "numpy":
        say("no_compiler", quiet, lang)
    return NumpyKernel(lowered.layout, widths, dtype=dtype, optimizer=row, threads=threads)


def source(what: Derivation | Network, *, dtype: str = "float32", threads: int = 1, optimizer: str = "sgd") -> str:
    """Return the C source that `compile` builds on this machine; without a compiler, for vectors of 256 bits.

    Args: as those of `compile`.
    """
    compiler = find_compiler()
    target = Target(dtype, 32, 16) if compiler is None else compiler.target(dtype)
    return emit(lower(for_any_samples(what)), target, optimizer_of(optimizer), threads=threads)


def for_any_samples(what: Derivation | Network) -> Derivation:
    """Return the Derivation for any number of samples."""
    from chainrule.program import build as build_program

    if isinstance(what, Derivation):
        if what.source.network is None:
            raise ProgramError("not_compiled", target="loss")
        if what.source.samples.size is None:
            return what
        what = what.source.network
    return derive(build_program(what, samples=None))


def say(key: str, quiet: bool, lang: str, **facts: object) -> None:
    """Say something about building on stderr, where that is wanted."""
    if not quiet:
        sys.stderr.write(sentence(f"native.{key}", lang=lang, **facts) + "\n")
