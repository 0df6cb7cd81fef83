"""chainrule: what is ∂loss/∂w, for every w? Derived line by line, shown, evaluated.

>>> import chainrule
>>> net = chainrule.Network.read("2-3-2-1")
>>> net.weight_count
14
"""

from chainrule.errors import (
    ChainruleError,
    DataError,
    NetworkError,
    OutputError,
    Problems,
    ProgramError,
    SelectionError,
    TrainingError,
)
from chainrule.judge.front import check, check_code
from chainrule.network import Activation, Connection, Given, Layer, Loss, Network, Weight

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "ChainruleError",
    "Connection",
    "DataError",
    "Given",
    "Layer",
    "Loss",
    "Network",
    "NetworkError",
    "OutputError",
    "Problems",
    "ProgramError",
    "SelectionError",
    "TrainingError",
    "Weight",
    "check",
    "check_code",
]
