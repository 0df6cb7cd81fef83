"""Models and unfinished trainings as safetensors: numbers as tensors, everything else as one line of JSON beside them.

One format for both. What a person wants stands under the page's names, `W_1`, `b_1`; what a training needs to go on
stands beside it. The file is written aside and renamed: at every instant there is a whole one. Equal trainings give
equal bytes, so there is no time in it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import ChainruleError, TrainingError
from chainrule.native import State as KernelState
from chainrule.network import Given, Network
from chainrule.output import write_whole
from chainrule.train.loop import Epoch, State
from chainrule.train.metrics import Metrics
from chainrule.train.model import Model
from chainrule.train.scale import Scale
from chainrule.train.settings import Settings
from chainrule.train.targets import Targets

FORMAT = 1
"""The number of this format, in the file."""

_HISTORY = ("number", "rate", "loss", "validation", "metric")

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model, and where its training stands.

    Attributes:
        model: what it would be if training ended now.
        state: what is needed to go on; None in a model that was saved by itself.
        digest: the fingerprint of the samples.
    """

    model: Model
    state: State | None
    digest: str


def save_model(path: Path, model: Model) -> None:
    """Write a model by itself."""
    _write(path, _tensors(model), _facts(model))


def save_models(path: Path, models: Sequence[Model]) -> None:
    """Write several models into one file."""
    tensors = {f"{at}/{name}": array for at, model in enumerate(models) for name, array in _tensors(model).items()}
    _write(path, tensors, {"format": FORMAT, "members": [_facts(model) for model in models]})


def load_models(path: Path) -> tuple[Model, ...]:
    """Return the models in a file: several, or the one.

    Raises:
        TrainingError: where it cannot be read, or holds something else.
    """
    tensors, facts = _read(path)
    members = facts.get("members")
    try:
        if members is None:
            return (_checkpoint(tensors, facts).model,)
        return tuple(
            _checkpoint(
                {name.removeprefix(f"{at}/"): array for name, array in tensors.items() if name.startswith(f"{at}/")},
                own,
            ).model
            for at, own in enumerate(members)
        )
    except ChainruleError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise TrainingError("damaged_model", read=str(path)) from None


def packed(model: Model) -> bytes:
    """Return a model as the bytes of its file."""
    return _bytes(_tensors(model), _facts(model))


def unpacked(content: bytes) -> Model:
    """Return the model that `packed` made these bytes of."""
    from safetensors.numpy import load

    size = int.from_bytes(content[:8], "little")
    facts = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["chainrule"])
    return _checkpoint(load(content), facts).model


def save_checkpoint(path: Path, model: Model, state: State, digest: str) -> None:
    """Write a model with where its training stands."""
    tensors = _tensors(model)
    tensors["training.params"] = state.params
    tensors["training.best"] = state.best
    tensors |= {f"training.optimizer.{name}": array for name, array in state.optimizer.arrays().items()}
    facts = _facts(model)
    facts["training"] = {
        "epoch": state.epoch, "block": state.block, "loss": state.loss, "start_loss": state.start_loss,
        "best_epoch": state.best_epoch, "finished": state.finished, "digest": digest,
    }  # fmt: skip
    _write(path, tensors, facts)


def load_model(path: Path) -> Model:
    """Return the model in a file."""
    return load_checkpoint(path).model


def load_checkpoint(path: Path) -> Checkpoint:
    """Return what is in a file.

    Raises:
        TrainingError: where it cannot be read, or holds something else.
    """
    tensors, facts = _read(path)
    try:
        return _checkpoint(tensors, facts)
    except ChainruleError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise TrainingError("damaged_model", read=str(path)) from None


def _tensors(model: Model) -> dict[str, Array]:
    history = np.array([[getattr(epoch, name) for name in _HISTORY] for epoch in model.history], dtype=np.float64)
    return {
        **{name: np.ascontiguousarray(array) for name, array in model.weights.items()},
        "inputs.mean": model.x_scale.mean, "inputs.deviation": model.x_scale.deviation,
        "targets.mean": model.y_scale.mean, "targets.deviation": model.y_scale.deviation,
        "history": history.reshape(-1, len(_HISTORY)),
    }  # fmt: skip


def _facts(model: Model) -> dict[str, Any]:
    from chainrule import __version__

    return {
        "format": FORMAT, "chainrule": __version__,
        "network": model.network.to_toml(),
        "targets": asdict(model.targets),
        "input_names": model.input_names, "target_names": model.target_names,
        "settings": model.settings.to_dict(), "best_epoch": model.best_epoch,
        "metrics": [None if found is None else asdict(found) for found in (model.training, model.validation)],
    }  # fmt: skip


def _write(path: Path, tensors: dict[str, Array], facts: dict[str, Any]) -> None:
    write_whole(path, _bytes(tensors, facts))


def _bytes(tensors: dict[str, Array], facts: dict[str, Any]) -> bytes:
    from safetensors.numpy import save

    # One key: several would stand in any order.
    return save(tensors, metadata={"chainrule": json.dumps(facts, ensure_ascii=False)})


def _read(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        if not path.is_file():
            reason = "a folder" if path.is_dir() else "no such file"
            raise TrainingError("unreadable_model", read=str(path), reason=reason)
        with safe_open(path, framework="numpy") as file:
            facts = json.loads((file.metadata() or {}).get("chainrule", "null"))
            if not isinstance(facts, dict) or facts.get("format") != FORMAT:
                raise TrainingError("no_model", read=str(path))
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118 - it is no mapping
    except (OSError, SafetensorError, ValueError) as error:
        reason = str(error).splitlines()[0][:200]
        raise TrainingError("unreadable_model", read=str(path), reason=reason) from None


def _checkpoint(tensors: dict[str, Array], facts: dict[str, Any]) -> Checkpoint:
    from chainrule.values.given import gather_parameters

    net = Network.from_toml(facts["network"], source="safetensors").replace(given=Given())
    targets = Targets(**{**facts["targets"], "classes": tuple(facts["targets"]["classes"])})
    history = tuple(Epoch(int(row[0]), *map(float, row[1:])) for row in tensors["history"])
    own = {name: array for name, array in tensors.items() if name[:2] in ("W_", "b_")}
    # Checked as any numbers that somebody gives: shapes, and nothing missing.
    gather_parameters(net, {name: np.asarray(array, dtype=np.float64) for name, array in own.items()}, _missing)
    model = Model(
        net, own, Scale(tensors["inputs.mean"], tensors["inputs.deviation"]),
        Scale(tensors["targets.mean"], tensors["targets.deviation"]), targets,
        tuple(facts["input_names"]), tuple(facts["target_names"]), Settings.of(**facts["settings"]),
        history, int(facts["best_epoch"]),
        *(None if found is None else Metrics(**found) for found in facts["metrics"]),
    )  # fmt: skip
    if "training" not in facts:
        return Checkpoint(model, None, "")
    stand = facts["training"]
    prefix = "training.optimizer."
    memory = KernelState.from_arrays(
        {name.removeprefix(prefix): array for name, array in tensors.items() if name.startswith(prefix)}
    )
    state = State(
        tensors["training.params"].copy(), tensors["training.best"].copy(), memory, int(stand["epoch"]),
        int(stand["block"]), float(stand["loss"]), float(stand["start_loss"]), int(stand["best_epoch"]),
        list(history), bool(stand["finished"]),
    )  # fmt: skip
    return Checkpoint(model, state, str(stand["digest"]))


def _missing(name: str) -> Array:
    raise KeyError(name)
