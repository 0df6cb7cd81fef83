"""The function, read before anything runs: where it stands, what it takes, and in what order it returns gradients."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chainrule.errors import Place, SelectionError
from chainrule.judge.code.names import WORDS, Quantities, counts_from_zero, of_gradient, spelled

FUNCTIONS = (
    "backward", "backprop", "backpropagation", "back_propagation", "back_prop", "backward_pass", "backward_propagation",
    "grad", "grads", "gradient", "gradients", "compute_gradients", "compute_grads", "compute_gradient", "get_gradients",
    "loss_and_gradients", "loss_and_grads", "loss_and_grad", "value_and_grad",
)  # fmt: skip
"""The names under which a gradient function is looked for."""

CONTAINERS = ("names", "flat", "pairs", "object")
"""How a container of all parameters may be built: by name, W1, b1, W2, …, (W1, b1), …, or with attributes."""

MOST_BYTES = 4 << 20


@dataclass(frozen=True)
class Argument:
    """One argument.

    Attributes:
        name: what the function calls it.
        role: a key of `WORDS`, or `array`.
        array: for `array`, the array that is meant.
        keyword: whether it must be given by name.
    """

    name: str
    role: str
    array: str = ""
    keyword: bool = False


@dataclass(frozen=True)
class Signature:
    """A function of a file.

    Attributes:
        function: its name.
        line: where it begins.
        arguments: those that are given.
        returned: the names in its last `return` of several values, or ().
        containers: how its container of parameters is to be built, likeliest first; one where it has none.
        torch: whether the file uses PyTorch.
    """

    function: str
    line: int
    arguments: tuple[Argument, ...]
    returned: tuple[str, ...]
    containers: tuple[str, ...]
    torch: bool


def read_file(path: Path) -> ast.Module:
    """Return the tree of a Python file; nothing of it runs.

    Raises:
        SelectionError: where it cannot be read, or is no Python.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SelectionError("code_unreadable", read=str(path), reason=reason) from None
    if len(data) > MOST_BYTES:
        raise SelectionError("code_too_long", read=str(path), most=MOST_BYTES >> 20)
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about their escapes and comparisons, which are not what was asked
            return ast.parse(data, filename=str(path))
    except SyntaxError as error:
        column = (error.offset or 1) - 1
        place = Place(str(path), error.lineno, column, column + 1, (error.text or "").rstrip("\n"))
        raise SelectionError("code_syntax", place=place, reason=error.msg) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise SelectionError("code_unreadable", read=str(path), reason=str(error) or type(error).__name__) from None


def read_signature(path: Path, wanted: str | None, quantities: Quantities) -> Signature:
    """Return what is known of the gradient function before anything runs.

    Args:
        path: the file.
        wanted: the function's name, or None to find it.
        quantities: what the network has.

    Raises:
        SelectionError: where there is no such function, or an argument is not understood.
    """
    tree = read_file(path)
    function = _function(tree, path, wanted)
    arguments = tuple(_arguments(function, path, quantities))
    holders = {a.name for a in arguments if a.role == "params"}
    return Signature(
        function.name, function.lineno, arguments, _returned(function),
        tuple(_containers(tree, holders)) if holders else ("names",), _uses_torch(tree),
    )  # fmt: skip


def _function(tree: ast.Module, path: Path, wanted: str | None) -> ast.FunctionDef:
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    public = [name for name in functions if not name.startswith("_")]
    known = ", ".join(public[:12])
    if wanted is not None:
        if wanted not in functions:
            key = "code_function" if known else "code_no_function"
            raise SelectionError(key, read=wanted, source=str(path), known=known)
        return functions[wanted]
    named = [name for name in FUNCTIONS if name in functions]
    if len(named) == 1 or (named and named[0] in ("backward", "backprop")):
        return functions[named[0]]
    if not named:
        alike = [name for name in public if "grad" in name.lower() or "back" in name.lower()]
        if len(alike or public) == 1:
            return functions[(alike or public)[0]]
    if not public:
        raise SelectionError("code_no_function", read=wanted or "backward", source=str(path))
    raise SelectionError("code_which_function", source=str(path), known=known, near=(named or public)[-1])


def _arguments(function: ast.FunctionDef, path: Path, quantities: Quantities) -> Iterator[Argument]:
    args = function.args
    positional = [*args.posonlyargs, *args.args]
    required = len(positional) - len(args.defaults)
    given = [(arg, index < required, False) for index, arg in enumerate(positional)]
    given += [(arg, default is None, True) for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    from_zero = counts_from_zero(spelled(arg.arg) for arg, _, _ in given)
    skipped = False
    for arg, needed, keyword in given:
        found = _role(arg.arg, quantities, from_zero=from_zero)
        if found is None or (found[0] in ("rate", "count") and not needed):
            if needed:
                place = Place(str(path), arg.lineno, arg.col_offset)
                raise SelectionError("code_argument", place=place, read=arg.arg, known=_known(quantities))
            skipped = True
            continue
        # Behind an argument that keeps its default, the others go by name.
        yield Argument(arg.arg, *found, keyword=keyword or (skipped and arg not in args.posonlyargs))
    if args.vararg is not None and not any(arg for arg, _, _ in given if _role(arg.arg, quantities) in _HOLDERS):
        yield Argument(args.vararg.arg, "rest")


_HOLDERS = (("params", ""), ("weights", ""))


def _role(name: str, quantities: Quantities, *, from_zero: bool = False) -> tuple[str, str] | None:
    word = spelled(name)
    parameter = quantities.parameter(word, from_zero=from_zero)
    if parameter is not None:
        return "array", parameter
    if word == f"a{quantities.depth}" or (word in quantities.known and word not in WORDS["X"] + WORDS["true"]):
        return "array", quantities.known[word]
    for role, words in WORDS.items():
        if word in words or (role == "params" and name == "self"):
            return role, ""
    return None


def _known(quantities: Quantities) -> str:
    few = [name.replace("_", "") for name in quantities.parameters[:3]]
    return ", ".join(["X", "Y", "params", "weights", "biases", *few, "Z1", "A1", "pred", "cache", "n"])


def _returned(function: ast.FunctionDef) -> tuple[str, ...]:
    """Return the names in the last `return` that has several, without going into functions inside."""
    found: tuple[str, ...] = ()
    for node in _own(function.body):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple | ast.List):
            found = tuple(map(_name, node.value.elts))
    return found


def _own(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    stack: list[ast.AST] = list(reversed(body))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        yield node
        stack.extend(reversed(list(ast.iter_child_nodes(node))))


def _name(node: ast.expr) -> str:
    """Return the name that an expression carries: dW1, grads["W1"], self.dW1, dW1.T, dW1 / n."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Subscript(value=_, slice=ast.Constant(value=str(name))):
            return name
        case ast.Attribute(attr="T", value=inner):
            return _name(inner)
        case ast.Attribute(attr=name):
            return name
        case ast.BinOp(left=left, right=right):
            return _name(left) if isinstance(right, ast.Constant | ast.Name) else _name(right)
        case _:
            return ""


def _containers(tree: ast.Module, holders: set[str]) -> list[str]:
    """Return how a container of parameters is used in the file, likeliest first, and the other ways behind."""
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Name(id=name), slice=index) if name in holders:
                number = isinstance(index, ast.Constant) and isinstance(index.value, int)
                text = isinstance(index, ast.JoinedStr | ast.BinOp) or (
                    isinstance(index, ast.Constant) and isinstance(index.value, str)
                )
                found[("names" if text else "flat") if text or number else "names"] = None
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in holders:
                found["names" if attribute in ("items", "keys", "values", "get", "copy") else "object"] = None
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Name(id=name)) if name in holders:
                found["pairs" if any(isinstance(t, ast.Tuple) for t in targets) else "flat"] = None
            case ast.For(target=target, iter=source) | ast.comprehension(target=target, iter=source):
                if any(isinstance(n, ast.Name) and n.id in holders for n in ast.walk(source)):
                    pairs = any(isinstance(n, ast.Tuple) for n in ast.walk(target))
                    found["pairs" if pairs else "flat"] = None
            case _:
                pass
    return list(dict.fromkeys([*found, *CONTAINERS]))


def _uses_torch(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        if any(name.partition(".")[0] == "torch" for name in names):
            return True
    return False


def gradient_names(returned: Sequence[str], quantities: Quantities) -> list[str | None]:
    """Return the parameter that each returned name is the gradient of, or None.

    Example:
        >>> from chainrule import Network
        >>> net = Network.read("2-3-1 --bias")
        >>> gradient_names(["loss", "dW2", "dW1"], Quantities.of(net.derive(samples=None), 2))
        [None, 'W_2', 'W_1']
    """
    words = [of_gradient(name) for name in returned]
    from_zero = counts_from_zero(words)
    return [quantities.parameter(word, from_zero=from_zero) for word in words]
