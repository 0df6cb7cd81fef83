"""How a network is trained: every choice by its name, in one frozen value; what does not make sense is refused here."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from chainrule.errors import ChainruleError, SelectionError, raise_all
from chainrule.rules import suggest

OPTIMIZERS: dict[str, float] = {
    "sgd": 0.1, "momentum": 0.05, "nesterov": 0.05, "adam": 0.01, "adamw": 0.01, "rmsprop": 0.003, "lbfgs": 1.0,
}  # fmt: skip
"""Optimizers by name, each with the rate that it has where none is given."""

SCHEDULES = ("constant", "step", "cosine")
INITIALS = (
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "pytorch", "zeros",
)  # fmt: skip
"""Initialisations by name; see `chainrule.train.initial`."""

DTYPES = ("float64", "float32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every choice of a training.

    Attributes:
        epochs: how often the samples are gone through, at most.
        batch_size: samples in one step; 0 for all of them at once.
        optimizer: sgd, momentum, nesterov, adam, adamw, rmsprop or lbfgs.
        rate: the learning rate; None for the optimizer's usual one, which a loss that is a sum over samples divides by
            the samples of a batch where the size of a step follows that of the gradient (sgd, momentum, nesterov).
        momentum: how much of the last step a step keeps (momentum, nesterov).
        beta1, beta2, alpha, epsilon: the averages of Adam and AdamW, that of RMSprop, and the number that keeps a
            quotient finite.
        weight_decay: λ of the term λ/2 ‖w‖² that the gradient gains; with adamw, how fast weights shrink. None for
            0, with adamw 0.01.
        schedule: constant, step (times `step_factor` every `step_epochs`) or cosine (down to `rate_end` times the
            rate).
        warmup: epochs in which the rate rises linearly to its full height.
        step_epochs, step_factor, rate_end: see `schedule`.
        validation: the share of samples that are kept aside to watch the loss; 0 for none.
        patience: epochs without a better loss after which training stops; None for never.
        standardise: whether inputs, and targets that are measured numbers, are brought to mean 0 and deviation 1.
        initial: how weights that are not given are drawn.
        seed: of the drawn weights, the split and the order of samples.
        split_seed: of the split, where that is to stay the same whatever the seed; None for `seed`.
        dtype: float64 or float32.
        threads: how many threads share a batch; 0 for as many as the machine has.

    Raises:
        SelectionError: where a choice does not exist or is out of range (several at once as `Problems`).

    Example:
        >>> Settings(optimizer="sgd").full_rate, Settings(rate=0.5).full_rate
        (0.1, 0.5)
        >>> Settings(schedule="cosine", epochs=11, warmup=0).rates_of(5, steps=2)
        (0.005, 0.005)
    """

    epochs: int = 100
    batch_size: int = 32
    optimizer: str = "adam"
    rate: float | None = None
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    alpha: float = 0.99
    epsilon: float = 1e-8
    weight_decay: float | None = None
    schedule: str = "constant"
    warmup: int = 0
    step_epochs: int = 30
    step_factor: float = 0.1
    rate_end: float = 0.0
    validation: float = 0.2
    patience: int | None = None
    standardise: bool = True
    initial: str = "glorot_uniform"
    seed: int = 0
    split_seed: int | None = None
    dtype: str = "float64"
    threads: int = 1

    def __post_init__(self) -> None:
        raise_all(list(_problems(self)))

    @property
    def full_rate(self) -> float:
        """The learning rate before the schedule."""
        return OPTIMIZERS[self.optimizer] if self.rate is None else float(self.rate)

    def settled(self, *, sums: bool, samples: int) -> Settings:
        """Return the settings with the rate that they have on so many samples, where none was given."""
        if self.rate is not None:
            return self
        follows = sums and self.optimizer in ("sgd", "momentum", "nesterov")
        return replace(self, rate=self.full_rate / (min(self.batch_size or samples, samples) if follows else 1))

    @property
    def seed_of_split(self) -> int:
        """The seed of the split."""
        return self.seed if self.split_seed is None else self.split_seed

    @property
    def decay(self) -> float:
        """The weight decay."""
        if self.weight_decay is not None:
            return float(self.weight_decay)
        return 0.01 if self.optimizer == "adamw" else 0.0

    @property
    def optimizer_settings(self) -> dict[str, float]:
        """The choices that the optimizer has beside its rate, by the names of `chainrule.native`."""
        own = {
            "momentum": ("momentum",), "nesterov": ("momentum",), "adam": ("beta1", "beta2", "epsilon"),
            "adamw": ("beta1", "beta2", "epsilon"), "rmsprop": ("alpha", "epsilon"),
        }  # fmt: skip
        names = own.get(self.optimizer, ())
        return {**{name: float(getattr(self, name)) for name in names}, "weight_decay": self.decay}

    def rates_of(self, epoch: int, *, steps: int) -> tuple[float, ...]:
        """Return the rate of every step of an epoch (counted from 0)."""
        if self.warmup and epoch < self.warmup:
            total = self.warmup * steps
            return tuple(self.full_rate * (epoch * steps + step + 1) / total for step in range(steps))
        return (self._scheduled(epoch),) * steps

    def _scheduled(self, epoch: int) -> float:
        """Return the rate of an epoch by the schedule (cosine: Loshchilov, Hutter 2017, ICLR, eq. 5)."""
        full = self.full_rate
        if self.schedule == "step":
            return float(full * self.step_factor ** (epoch // self.step_epochs))
        if self.schedule == "cosine":
            span = max(1, self.epochs - self.warmup - 1)
            share = min(1.0, (epoch - self.warmup) / span)
            low = full * self.rate_end
            return round(low + (full - low) * (1 + math.cos(math.pi * share)) / 2, 17)
        return full

    def to_dict(self) -> dict[str, Any]:
        """Return the choices as plain values."""
        return asdict(self)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the choices."""
        return tuple(field.name for field in fields(cls))

    @classmethod
    def of(cls, **given: Any) -> Settings:
        """Return settings from what was given by name.

        Raises:
            SelectionError: for a name that there is none of; and as the class itself.
        """
        known = cls.names()
        raise_all(
            [
                SelectionError(
                    "unknown_training_setting", read=name, near=suggest(name, known) or known[0], known=", ".join(known)
                )
                for name in given
                if name not in known
            ]
        )
        return cls(**given)


def _unknown(name: str, known: tuple[str, ...]) -> SelectionError:
    return SelectionError(
        "unknown_training_setting", read=name, near=suggest(name, known) or known[0], known=", ".join(known)
    )


_CHOICES: dict[str, tuple[str, ...]] = {
    "optimizer": tuple(OPTIMIZERS), "schedule": SCHEDULES, "initial": INITIALS, "dtype": DTYPES,
}  # fmt: skip
_WHOLE: dict[str, int] = {"epochs": 1, "batch_size": 0, "warmup": 0, "step_epochs": 1, "seed": 0, "threads": 0}
_RANGES: dict[str, tuple[float, float, str]] = {
    # low, high, and which ends belong to it
    "momentum": (0, 1, "[)"), "beta1": (0, 1, "[)"), "beta2": (0, 1, "[)"),
    "alpha": (0, 1, "[)"), "epsilon": (0, math.inf, "()"),
    "step_factor": (0, 1, "(]"), "rate_end": (0, 1, "[]"),
    "validation": (0, 1, "[)"),
}  # fmt: skip


def _problems(settings: Settings) -> list[ChainruleError]:
    found: list[ChainruleError] = []
    for name, known in _CHOICES.items():
        read = getattr(settings, name)
        if read not in known:
            near = suggest(str(read), known) or known[0]
            found.append(SelectionError("setting_choice", name=name, read=read, known=", ".join(known), near=near))
    for name, low in _WHOLE.items():
        read = getattr(settings, name)
        if not _is_whole(read) or read < low:
            found.append(SelectionError("setting_whole", name=name, read=read, low=low))
    for name, low in (("patience", 1), ("split_seed", 0)):
        read = getattr(settings, name)
        if read is not None and (not _is_whole(read) or read < low):
            found.append(SelectionError("setting_whole", name=name, read=read, low=low))
    ranges = dict(_RANGES)
    if settings.rate is not None:
        ranges["rate"] = (0, math.inf, "()")
    if settings.weight_decay is not None:
        ranges["weight_decay"] = (0, math.inf, "[)")
    for name, (least, most, ends) in ranges.items():
        read = getattr(settings, name)
        if not _is_number(read) or not _within(float(read), least, most, ends):
            text = f"{ends[0]}{least}, {'∞' if math.isinf(most) else most}{ends[1]}"
            found.append(SelectionError("setting_range", name=name, read=read, range=text))
    return found


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _within(value: float, low: float, high: float, ends: str) -> bool:
    if math.isnan(value) or math.isinf(value):
        return False
    above = value >= low if ends[0] == "[" else value > low
    return above and (value <= high if ends[1] == "]" else value < high)
