"""How NumPy, PyTorch and JAX write the same array program: names and small helpers, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Dialect:
    """One array library.

    Attributes:
        name: numpy, torch or jax.
        module: what it is called in the code: np, torch, jnp.
        imports: the lines that import it.
        functions: for an elementary function, its name in the code; one that is not here is a helper of its own.
        helpers: helpers by name: their source, and the names of those they need.
        zeros: `{shape}` → an array of zeros of the numbers' type.
        constant: `{values}` → a constant array.
        used: `{name}` → a constant as it is used, where it must go to the type and the device of the numbers.
        truth: `{condition}` → 1 where it holds, 0 elsewhere, of the numbers' type.
        whole: `{values}` → a constant array of whole numbers.
        assigned: `{name}`, `{place}`, `{value}` → the statement that puts a value into a part of an array.
        listed: `{values}` → whole numbers that pick rows or columns.
    """

    name: str
    module: str
    imports: str
    functions: Mapping[str, str]
    helpers: Mapping[str, tuple[str, tuple[str, ...]]]
    zeros: str
    constant: str
    used: str
    truth: str
    whole: str
    assigned: str
    listed: str


def _helper(source: str, *needs: str) -> tuple[str, tuple[str, ...]]:
    return source.strip("\n"), needs


_NUMPY_HELPERS = {
    "sigmoid": _helper('''
def sigmoid(z):
    """1/(1 + e^(-z)); e^(-z) may overflow to inf, where the result is 0."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))
'''),
    "softplus": _helper('''
def softplus(z):
    """log(1 + e^z), which for large z is z."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
'''),
    "logcosh": _helper('''
def logcosh(x):
    """log cosh x, for small x by cosh x = 1 + 2 sinh(x/2)^2."""
    near = np.abs(x) < 1
    half = np.sinh(np.where(near, x, 0) / 2)
    return np.where(near, np.log1p(2 * half**2), np.abs(x) + np.log1p(np.exp(-2 * np.abs(x))) - np.log(2))
'''),
    "erfc": _helper('''
erfc = np.vectorize(math.erfc, otypes=[float])
'''),
    "normal_cdf": _helper('''
def normal_cdf(x):
    """The standard normal distribution function."""
    return erfc(-x / np.sqrt(2)) / 2
''', "erfc"),
    "normal_pdf": _helper('''
def normal_pdf(x):
    """The density of the standard normal distribution."""
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
'''),
    "xlogy": _helper('''
def xlogy(weight, x):
    """weight * log(x), and 0 where the weight is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(weight == 0, 0, weight * np.log(x))
'''),
    "softmax": _helper('''
def softmax(z):
    """e^z over its sum, in each row."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
'''),
    "logsumexp": _helper('''
def logsumexp(z):
    """log of the sum of e^z, in each row."""
    top = z.max(axis=-1, keepdims=True)
    return np.log(np.exp(z - top).sum(axis=-1)) + top[..., 0]
'''),
}  # fmt: skip

NUMPY = Dialect(
    name="numpy",
    module="np",
    imports="import numpy as np",
    functions=MappingProxyType({
        "exp": "np.exp", "expm1": "np.expm1", "log": "np.log", "tanh": "np.tanh", "abs": "np.abs", "sign": "np.sign",
        "max": "np.maximum", "min": "np.minimum",
    }),
    helpers=MappingProxyType(_NUMPY_HELPERS),
    zeros="np.zeros({shape})",
    constant="np.array({values}, dtype=float)",
    used="{name}",
    truth="1.0 * ({condition})",
    whole="np.array({values})",
    assigned="{name}[{place}] = {value}",
    listed="{values}",
)  # fmt: skip

_TORCH_HELPERS = {
    "of_one_type": _helper('''
def of_one_type(a, b):
    """Two tensors or numbers, at least one of them a tensor, as tensors of its type."""
    like = a if torch.is_tensor(a) else b
    return tuple(one if torch.is_tensor(one) else like.new_tensor(one) for one in (a, b))
'''),
    "maximum": _helper('''
def maximum(a, b):
    """The larger one of two tensors or numbers."""
    return torch.maximum(*of_one_type(a, b))
''', "of_one_type"),
    "minimum": _helper('''
def minimum(a, b):
    """The smaller one of two tensors or numbers."""
    return torch.minimum(*of_one_type(a, b))
''', "of_one_type"),
    "softplus": _helper('''
def softplus(z):
    """log(1 + e^z), which for large z is z."""
    return z.clamp(min=0) + torch.log1p(torch.exp(-z.abs()))
'''),
    "logcosh": _helper('''
def logcosh(x):
    """log cosh x, for small x by cosh x = 1 + 2 sinh(x/2)^2."""
    near = x.abs() < 1
    half = torch.sinh(torch.where(near, x, torch.zeros_like(x)) / 2)
    return torch.where(near, torch.log1p(2 * half**2), x.abs() + torch.log1p(torch.exp(-2 * x.abs())) - math.log(2))
'''),
    "normal_cdf": _helper('''
def normal_cdf(x):
    """The standard normal distribution function."""
    return torch.erfc(-x / math.sqrt(2)) / 2
'''),
    "normal_pdf": _helper('''
def normal_pdf(x):
    """The density of the standard normal distribution."""
    return torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
'''),
    "softmax": _helper('''
def softmax(z):
    """e^z over its sum, in each row."""
    return torch.softmax(z, dim=-1)
'''),
    "logsumexp": _helper('''
def logsumexp(z):
    """log of the sum of e^z, in each row."""
    return torch.logsumexp(z, dim=-1)
'''),
}  # fmt: skip

TORCH = Dialect(
    name="torch",
    module="torch",
    imports="import torch",
    functions=MappingProxyType({
        "exp": "torch.exp", "expm1": "torch.expm1", "log": "torch.log", "tanh": "torch.tanh", "abs": "torch.abs",
        "sign": "torch.sign", "max": "maximum", "min": "minimum", "sigmoid": "torch.sigmoid", "xlogy": "torch.xlogy",
    }),
    helpers=MappingProxyType(_TORCH_HELPERS),
    zeros="X.new_zeros({shape})",
    constant="torch.tensor({values}, dtype=torch.float64)",
    used="{name}.to(X)",
    truth="({condition}).to(X)",
    whole="torch.tensor({values})",
    assigned="{name}[{place}] = {value}",
    listed="{values}",
)  # fmt: skip

_JAX_HELPERS = {
    "softplus": _helper('''
def softplus(z):
    """log(1 + e^z), which for large z is z."""
    return jnp.maximum(z, 0) + jnp.log1p(jnp.exp(-jnp.abs(z)))
'''),
    "logcosh": _helper('''
def logcosh(x):
    """log cosh x, for small x by cosh x = 1 + 2 sinh(x/2)^2."""
    near = jnp.abs(x) < 1
    half = jnp.sinh(jnp.where(near, x, 0) / 2)
    return jnp.where(near, jnp.log1p(2 * half**2), jnp.abs(x) + jnp.log1p(jnp.exp(-2 * jnp.abs(x))) - jnp.log(2))
'''),
    "normal_pdf": _helper('''
def normal_pdf(x):
    """The density of the standard normal distribution."""
    return jnp.exp(-(x**2) / 2) / jnp.sqrt(2 * jnp.pi)
'''),
    "normal_cdf": _helper('''
def normal_cdf(x):
    """The standard normal distribution function."""
    return jax.scipy.special.erfc(-x / jnp.sqrt(2)) / 2
'''),
}  # fmt: skip

JAX = Dialect(
    name="jax",
    module="jnp",
    imports="import jax\nimport jax.numpy as jnp",
    functions=MappingProxyType({
        "exp": "jnp.exp", "expm1": "jnp.expm1", "log": "jnp.log", "tanh": "jnp.tanh", "abs": "jnp.abs",
        "sign": "jnp.sign", "max": "jnp.maximum", "min": "jnp.minimum", "sigmoid": "jax.nn.sigmoid",
        "softmax": "jax.nn.softmax", "xlogy": "jax.scipy.special.xlogy", "logsumexp": "logsumexp",
    }),
    helpers=MappingProxyType({
        **_JAX_HELPERS,
        "logsumexp": _helper('''
def logsumexp(z):
    """log of the sum of e^z, in each row."""
    return jax.nn.logsumexp(z, axis=-1)
'''),
    }),
    zeros="jnp.zeros({shape}, X.dtype)",
    constant="jnp.array({values}, dtype=float)",
    used="{name}",
    truth="1.0 * ({condition})",
    whole="jnp.array({values})",
    assigned="{name} = {name}.at[{place}].set({value})",
    listed="jnp.array({values})",
)  # fmt: skip

DIALECTS: Mapping[str, Dialect] = MappingProxyType({dialect.name: dialect for dialect in (NUMPY, TORCH, JAX)})
"""The dialects by name."""
