"""Networks as scikit-learn knows estimators: in pipelines, in searches over parameters, cloned, scored and pickled.

The training is that of `chainrule.train`; here stands only what scikit-learn asks of an estimator. Needs the extra
`chainrule[sklearn]`.

Example:
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> x, y = load_iris(return_X_y=True)
    >>> scores = cross_val_score(ChainruleClassifier(hidden=(8,), epochs=30, random_state=0), x, y)
    >>> bool(scores.mean() > 0.9)
    True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data

from chainrule.network import Network
from chainrule.train.fit import fit
from chainrule.train.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chainrule.train.model import Model

Array = NDArray[Any]

_PASSED = (
    "epochs", "batch_size", "optimizer", "rate", "momentum", "weight_decay", "schedule", "warmup", "validation",
    "patience", "standardise", "initial", "dtype", "threads",
)  # fmt: skip
"""The parameters that are choices of training, under the same names."""


class _Trained(BaseEstimator):
    """What the two estimators share."""

    def __init__(
        self,
        hidden: Sequence[int] = (32,),
        *,
        activation: str = "tanh",
        loss: str | None = None,
        epochs: int = 100,
        batch_size: int = 32,
        optimizer: str = "adam",
        rate: float | None = None,
        momentum: float = 0.9,
        weight_decay: float | None = None,
        schedule: str = "constant",
        warmup: int = 0,
        validation: float = 0.0,
        patience: int | None = None,
        standardise: bool = True,
        initial: str = "glorot_uniform",
        dtype: str = "float64",
        threads: int = 1,
        random_state: Any = None,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.rate = rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.warmup = warmup
        self.validation = validation
        self.patience = patience
        self.standardise = standardise
        self.initial = initial
        self.dtype = dtype
        self.threads = threads
        self.random_state = random_state

    def _network(self, inputs: int, outputs: int, loss: str) -> Network:
        text = "-".join(map(str, (inputs, *self.hidden, outputs)))
        return Network.read(text, hidden=self.activation, bias=True, loss=loss)

    def _seed(self) -> int:
        """Return the seed: a whole number is taken as it is, so that it is the seed of `chainrule train` too."""
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31))

    def _train(self, net: Network, x: Array, y: Array, classes: Sequence[Any] | None = None) -> None:
        settings = Settings.of(seed=self._seed(), **{name: getattr(self, name) for name in _PASSED})
        self.model_: Model = fit(net, x, y, classes=classes, settings=settings)
        self.n_iter_ = len(self.model_.history)

    def _inputs(self, X: Any) -> Array:
        check_is_fitted(self)
        return np.asarray(validate_data(self, X, reset=False, dtype=np.float64))


class ChainruleRegressor(RegressorMixin, _Trained):
    """A network that answers with numbers.

    The choices of training (epochs, batch_size, optimizer, rate, momentum, weight_decay, schedule, warmup, validation,
    patience, standardise, initial, dtype, threads) are those of `chainrule.train.Settings`.

    Args:
        hidden: the sizes of the hidden layers.
        activation: of the hidden layers, by its name in the table of rules.
        loss: by its name; mean squared error where left out.
        random_state: the seed, or None for another one each time.

    Attributes:
        model_: the `chainrule.train.Model`.
        n_iter_: how many epochs were done.
        n_features_in_: the number of inputs.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> x, y = load_diabetes(return_X_y=True)
        >>> ChainruleRegressor(hidden=(4,), epochs=20, random_state=0).fit(x, y).score(x, y) > 0.5
        True
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Return the estimator, trained on X (N, inputs) and y (N,) or (N, outputs)."""
        x, targets = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        targets = np.asarray(targets, dtype=np.float64)
        self._wide = targets.ndim == 2
        net = self._network(x.shape[1], targets.shape[1] if self._wide else 1, self.loss or "mse")
        self._train(net, x, targets)
        return self

    def predict(self, X: Any) -> Array:
        """Return the answers, of the shape that y had."""
        x = self._inputs(X)
        found = self.model_.outputs(x)
        return found if self._wide else found[:, 0]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class ChainruleClassifier(ClassifierMixin, _Trained):
    """A network that tells classes apart: by one output for two of them, by an output for each of more.

    The sizes, the seed and the choices of training are those of `ChainruleRegressor`.

    Args:
        loss: by its name; left out, cross-entropy with σ for two classes, with softmax for more.

    Attributes:
        classes_: the labels, in order.
        model_, n_iter_, n_features_in_: as those of `ChainruleRegressor`.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Return the estimator, trained on X (N, inputs) and the labels y (N,)."""
        x, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        count = len(self.classes_)
        if count < 2:
            raise ValueError(f"a classifier needs 2 classes or more; y has 1 class: {self.classes_[0]!r}")
        usual = "bce_with_logits" if count == 2 else "softmax_cross_entropy_index"
        net = self._network(x.shape[1], 1 if count == 2 else count, self.loss or usual)
        self._train(net, x, codes, classes=range(count))
        return self

    def predict(self, X: Any) -> Array:
        """Return the label of the likeliest class for each row."""
        x = self._inputs(X)
        return np.asarray(self.classes_[self.model_.targets.codes_of(self.model_.outputs(x))])

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, in the order of `classes_`."""
        x = self._inputs(X)
        return self.model_.predict_proba(x)
