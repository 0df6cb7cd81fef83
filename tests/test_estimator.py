"""The estimators keep every rule of scikit-learn's, and do as well as a network should on its data sets."""

import pickle

import numpy as np
import pandas
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule import ChainruleError
from chainrule.estimator import ChainruleClassifier, ChainruleRegressor


@parametrize_with_checks([
    ChainruleRegressor(hidden=(8,), epochs=60), ChainruleClassifier(hidden=(8,), epochs=60),
])  # fmt: skip
def test_scikit_learn_agrees(estimator, check):
    """All of scikit-learn's own checks, with no exception."""
    check(estimator)


def test_diabetes():
    """A small network explains about half of the variance, as linear models do: there is no more in these data."""
    x, y = load_diabetes(return_X_y=True)
    model = ChainruleRegressor(hidden=(4,), epochs=60, rate=0.003, weight_decay=0.01, random_state=0)
    predicted = cross_val_predict(model, x, y, cv=4)
    assert 1 - ((predicted - y) ** 2).sum() / ((y - y.mean()) ** 2).sum() > 0.46


def test_digits():
    """Handwritten digits that it never saw: at most 3 % are misread."""
    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0)
    model = ChainruleClassifier(hidden=(48,), activation="relu", epochs=40, rate=0.003, random_state=0)
    assert model.fit(x_train, y_train).score(x_test, y_test) > 0.97


def test_in_a_pipeline_and_a_search():
    """Parameters are set by name, estimators are cloned, and the same seed gives the same answers."""
    x, y = load_iris(return_X_y=True)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), ChainruleClassifier(epochs=30, standardise=False, random_state=1)),
        {"chainruleclassifier__hidden": [(4,), (8,)]}, cv=3,
    ).fit(x, y)  # fmt: skip
    assert search.best_score_ > 0.9
    best = search.best_estimator_
    assert np.array_equal(clone(best).fit(x, y).predict_proba(x), best.predict_proba(x))


def test_labels_of_any_kind_and_columns_by_name():
    """Text as labels; a data frame's names are remembered as scikit-learn does."""
    x, y = load_iris(return_X_y=True, as_frame=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = ChainruleClassifier(hidden=(6,), epochs=40, random_state=0).fit(x, names)
    assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert model.score(x, names) > 0.95
    assert list(model.feature_names_in_) == list(x.columns)
    assert isinstance(x, pandas.DataFrame)


def test_several_targets():
    """Y with columns gives answers with columns."""
    x = np.random.default_rng(0).normal(size=(200, 3))
    y = np.stack([x[:, 0] + x[:, 1], x[:, 2] - 1], axis=1)
    model = ChainruleRegressor(hidden=(8,), epochs=100, random_state=0).fit(x, y)
    assert model.predict(x).shape == (200, 2) and model.score(x, y) > 0.98


def test_it_is_pickled_with_what_it_learned():
    """Another process has the same answers."""
    x, y = load_iris(return_X_y=True)
    model = ChainruleClassifier(hidden=(4,), epochs=5, random_state=0).fit(x, y)
    before = model.predict_proba(x)
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict_proba(x), before)


@pytest.mark.parametrize("parameters", [{"activation": "sgimoid"}, {"optimizer": "x"}, {"loss": "y"}, {"epochs": 0}])
def test_unknown_names_are_said(parameters):
    """When it is trained, as scikit-learn has it, and with the name that is meant."""
    with pytest.raises(ChainruleError):
        ChainruleRegressor(**parameters).fit(np.ones((3, 2)), np.ones(3))
