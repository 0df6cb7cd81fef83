r"""Trains the networks of `test_curves.py` with PyTorch, in float64, and writes the losses to torch_curves.json.

    python3 -m venv build/torch && build/torch/bin/pip install torch==2.13.0 numpy . && \
        build/torch/bin/python tests/train/torch_curves.py

Only the first weights, the samples and the order of rows come from chainrule; everything else is PyTorch's.
"""

import json
import math
from pathlib import Path

import numpy as np

from chainrule import Network
from chainrule.native.shuffle import order
from chainrule.train.initial import initial_weights

FILE = Path(__file__).with_suffix(".json")
NETWORK = "3-8:tanh-5:sigmoid-1 --bias --loss mse"
EPOCHS, BATCH, SEED, DECAY, MOMENTUM = 25, 16, 7, 1e-3, 0.9
RATES = {"sgd": 0.1, "momentum": 0.02, "nesterov": 0.02, "adam": 0.01, "adamw": 0.01, "rmsprop": 0.003}


def samples() -> tuple[np.ndarray, np.ndarray]:
    """100 samples of a function that is not linear; the last batch of an epoch is smaller than the others."""
    x = np.random.default_rng(5).normal(size=(100, 3))
    return x, np.sin(x[:, :1]) * x[:, 1:2] + 0.5 * x[:, 2:]


def rate(name: str, epoch: int) -> float:
    """The rate of an epoch: a cosine down to a tenth."""
    full = RATES[name]
    return 0.1 * full + 0.9 * full * (1 + math.cos(math.pi * epoch / (EPOCHS - 1))) / 2


def train(name: str) -> dict[str, list[float]]:
    """The mean loss of each epoch, and the last weights."""
    import torch

    x, y = map(torch.tensor, samples())
    start = initial_weights(Network.read(NETWORK), initial="glorot_uniform", seed=SEED)
    linear = [torch.nn.Linear(*start[f"W_{level}"].shape, dtype=torch.float64) for level in (1, 2, 3)]
    for level, layer in enumerate(linear, start=1):
        layer.weight.data = torch.tensor(start[f"W_{level}"].T.copy())
        layer.bias.data = torch.tensor(start[f"b_{level}"])
    model = torch.nn.Sequential(linear[0], torch.nn.Tanh(), linear[1], torch.nn.Sigmoid(), linear[2])
    optimizer = {
        "sgd": lambda p: torch.optim.SGD(p, lr=1, weight_decay=DECAY),
        "momentum": lambda p: torch.optim.SGD(p, lr=1, weight_decay=DECAY, momentum=MOMENTUM),
        "nesterov": lambda p: torch.optim.SGD(p, lr=1, weight_decay=DECAY, momentum=MOMENTUM, nesterov=True),
        "adam": lambda p: torch.optim.Adam(p, lr=1, weight_decay=DECAY),
        "adamw": lambda p: torch.optim.AdamW(p, lr=1, weight_decay=DECAY),
        "rmsprop": lambda p: torch.optim.RMSprop(p, lr=1, weight_decay=DECAY),
    }[name](model.parameters())
    losses = []
    for epoch in range(EPOCHS):
        optimizer.param_groups[0]["lr"] = rate(name, epoch)
        rows = order(len(x), seed=SEED, epoch=epoch)
        total = 0.0
        for at in range(0, len(x), BATCH):
            batch = rows[at : at + BATCH]
            loss = torch.nn.functional.mse_loss(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        losses.append(total / len(x))
    return {"losses": losses, "weights": [w for layer in linear for w in layer.weight.data.T.flatten().tolist()]}


if __name__ == "__main__":
    import torch

    found = {"torch": torch.__version__, **{name: train(name) for name in RATES}}
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
