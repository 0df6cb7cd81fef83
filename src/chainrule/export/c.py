"""A network as C: the very source that is compiled and run here, or plain C99 for microcontrollers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.network import Network


def write_c(net: Network, *, dtype: str = "float32", optimizer: str = "sgd") -> str:
    """Return the C source that `chainrule.native` compiles for this machine."""
    from chainrule.native import source

    return source(net, dtype=dtype, optimizer=optimizer)


def write_embedded(net: Network, *, dtype: str = "float32", optimizer: str = "sgd") -> str:
    """Return C99 for a microcontroller, that starts with the sheet's numbers; those it lacks are drawn with seed 0."""
    from chainrule.export import title_of
    from chainrule.native import for_any_samples
    from chainrule.native.embedded import embedded
    from chainrule.native.lower import lower
    from chainrule.native.optimizers import optimizer as optimizer_of

    lowered = lower(for_any_samples(net))
    start = lowered.layout.draw(0).tolist()
    return embedded(lowered, dtype, optimizer_of(optimizer), start=start, title=title_of(net))
