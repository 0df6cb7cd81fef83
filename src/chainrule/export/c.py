"""A network as C: the very source that is compiled and run here, or plain C99 for microcontrollers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.train.model import Model


def write_c(net: Network, *, dtype: str = "float32", optimizer: str = "sgd") -> str:
    """Return the C source that `chainrule.native` compiles for this machine."""
    from chainrule.native import source

    return source(net, dtype=dtype, optimizer=optimizer)


def write_embedded(what: Network | Model, *, dtype: str = "float32", optimizer: str = "sgd") -> str:
    """Return C99 for a microcontroller.

    It starts with the numbers of the network's sheet, those that it lacks drawn with seed 0; or with the weights of a
    model, whose standardisation it then has inside.
    """
    from chainrule.export import title_of
    from chainrule.native import for_any_samples
    from chainrule.native.embedded import embedded
    from chainrule.native.lower import lower
    from chainrule.native.optimizers import optimizer as optimizer_of
    from chainrule.network import Network

    net = what if isinstance(what, Network) else what.network
    lowered = lower(for_any_samples(net))
    title, chosen = title_of(net), optimizer_of(optimizer)
    if isinstance(what, Network):
        return embedded(lowered, dtype, chosen, start=lowered.layout.draw(0).tolist(), title=title)
    scales = {"inputs": what.x_scale} | ({"targets": what.y_scale} if what.targets.scaled else {})
    return embedded(
        lowered, dtype, chosen, start=lowered.layout.pack(what.weights).tolist(), title=f"{title}, trained",
        scales={name: scale for name, scale in scales.items() if scale.changes}, note=_meaning(what),
    )  # fmt: skip


def _meaning(model: Model) -> str:
    """Return what the inputs and the outputs of a model are, for the head of the source."""
    parts = []
    if model.x_scale.changes or (model.targets.scaled and model.y_scale.changes):
        parts.append(
            "Inputs, targets and outputs are in the units of the data: they are standardised inside, as in training, "
            "and the loss is that of standardised targets."
        )
    if model.input_names:
        parts.append(f"Inputs: {', '.join(model.input_names)}.")
    if model.targets.classes:
        parts.append(f"Classes, in the order of their numbers: {', '.join(map(str, model.targets.classes))}.")
    elif model.target_names:
        parts.append(f"Targets: {', '.join(model.target_names)}.")
    return " ".join(parts)
