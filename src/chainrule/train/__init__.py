"""Training: samples in, a model out.

settings.py    every choice by its name
sources.py     files, arrays and data frames, as columns
targets.py     what the targets are
samples.py     the values, checked
scale.py       standardisation
blocks.py      the split, and the order
initial.py     what weights start from
engine.py      the compiled kernel, as training uses it
loop.py        epochs of steps; lbfgs.py the rounds of L-BFGS
metrics.py     how good it is
model.py       what comes out; checkpoint.py its file
fit.py         all of it together
group.py       trainings that go side by side; sweep.py all combinations of them
ensemble.py    models that answer together
partitions.py  samples in parts, on one machine or many
"""

from chainrule.train.checkpoint import load_checkpoint
from chainrule.train.ensemble import ModelEnsemble
from chainrule.train.fit import fit
from chainrule.train.loop import Epoch
from chainrule.train.metrics import Metrics
from chainrule.train.model import Model
from chainrule.train.partitions import fit_partitions
from chainrule.train.settings import Settings
from chainrule.train.sweep import Sweep, sweep

__all__ = [
    "Epoch",
    "Metrics",
    "Model",
    "ModelEnsemble",
    "Settings",
    "Sweep",
    "fit",
    "fit_partitions",
    "load_checkpoint",
    "sweep",
]
