"""JSON: every document fits the shipped schema, holds what was promised, and says the same as the other forms."""

import copy
import json
import re

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from chainrule import Network
from chainrule.expr import Ref
from chainrule.matrix import matrix_step_of, matrix_steps
from chainrule.notation import names
from chainrule.show.compose import compose
from chainrule.show.document import Bulk, Equation
from chainrule.show.json import schema
from chainrule.show.latex import LatexEmitter
from chainrule.views import Step
from strategies import networks

VALIDATOR = Draft202012Validator(schema())

NETWORKS = (
    "2-3-2-1", "2-1", "1-1-1", "2-40-3 --bias", "3-2:relu-2:softmax --loss cross_entropy",
    "2-2 --loss softmax_ce_index", "1-2:leaky_relu(0.1)-1:sigmoid --loss bce --bias", "2-100-50-1",
    "2-4:gelu_tanh-3 --loss huber(0.5) --reduction sum",
)  # fmt: skip

TOMLS = (
    """# A skip connection, a missing edge, tied weights, an activation for each unit.
inputs = ["a", "b"]
missing = ["w_12^1"]
tied = [["w_11^2", "w_12^2"]]
[[layer]]
size = 3
activation = ["tanh", "relu", "tanh"]
[[layer]]
size = 1
bias = true
[[skip]]
from = 0
to = 2
""",
    """# Neuron by neuron, with an output inside.
inputs = ["a"]
outputs = ["h", "o"]
[[neuron]]
name = "h"
from = ["a"]
[[neuron]]
name = "o"
from = { a = 0.5, h = -1.0 }
bias = 0.1
""",
)


def document(net, *, samples=1, **options):
    """What is written for a network, read back by a strict parser and checked against the schema."""
    net = Network.read(net) if isinstance(net, str) else net

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    found = json.loads(net.derive(samples=samples).show("json", **options), parse_constant=refuse)
    errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in VALIDATOR.iter_errors(found)]
    assert not errors, errors[:3]
    return found


def singles(found):
    """The scalar lines about one target."""
    return [step for step in found["steps"] if "paths" in step and not step["general"]]


def test_the_schema_is_a_schema():
    """The shipped schema is valid by its own draft, and says of every property what it is."""
    Draft202012Validator.check_schema(schema())

    def properties(node):
        for name, child in node.get("properties", {}).items():
            yield name, child
            yield from properties(child)
        for child in node.get("$defs", {}).values():
            yield from properties(child)

    for name, child in properties(schema()):
        referred = schema()["$defs"].get(child.get("$ref", "").rpartition("/")[2], {})
        assert "description" in child or "description" in referred, name


@pytest.mark.parametrize(
    "damage",
    [
        lambda found: found["steps"][0].pop("target"),
        lambda found: found["steps"][0].update(kind="weight"),
        lambda found: found["steps"][0].update(uses="pred"),
        lambda found: found["steps"][0]["latex"].pop("expanded"),
        lambda found: found["steps"][0].update(shape=[0]),
        lambda found: found["steps"].append({"elided": 0}),
        lambda found: found["steps"].append({}),
        lambda found: found.update(view="whole"),
        lambda found: found.update(extra=1),
    ],
)
def test_the_schema_bites(damage):
    """A document with something missing, misspelled or added does not fit."""
    found = document("2-3-2-1")
    assert VALIDATOR.is_valid(found)
    broken = copy.deepcopy(found)
    damage(broken)
    assert not VALIDATOR.is_valid(broken)


@pytest.mark.parametrize("view", ["scalar", "matrix", "both"])
@pytest.mark.parametrize("net", [*NETWORKS, *map(Network.from_toml, TOMLS)], ids=str)
def test_documents_fit_the_schema(net, view):
    """All views of all kinds of network, with one sample, three, and any number."""
    for samples in (1, 3, None):
        document(net, samples=samples, view=view, inputs=True)
    document(net, view=view, general=True)


@settings(max_examples=40, deadline=None)
@given(networks())
def test_random_documents_fit_the_schema(network):
    """Skips, ties, missing edges and all activations and losses too."""
    document(network, samples=None, view="both", inputs=True)


@pytest.mark.parametrize("notation", names())
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_names_are_plain_in_every_notation(notation, lang):
    """`target` and `uses` keep the plain spelling; `latex`, `text` and `reason` follow the options."""
    plain, other = document("2-3-2-1"), document("2-3-2-1", notation=notation, lang=lang)
    for one, two in zip(plain["steps"], other["steps"], strict=True):
        assert (one["target"], one["uses"], one["rule"]) == (two["target"], two["uses"], two["rule"])
    assert other["notation"] == notation
    if notation != "seed":
        assert plain["steps"][1]["latex"] != other["steps"][1]["latex"]


def test_each_step_has_what_was_promised():
    """The target in plain spelling, the four LaTeX sides, the rule, what is used, and the shape."""
    found = {step["target"]: step for step in document("2-3-2-1")["steps"]}
    step = found["w_11^2"]
    assert step["latex"] == {
        "target": r"\frac{\partial loss}{\partial w_{11}^2}",
        "chain": r"\frac{\partial loss}{\partial z_1^2} \cdot \frac{\partial z_1^2}{\partial w_{11}^2}",
        "substituted": r"\frac{\partial loss}{\partial z_1^2} \cdot a_1^1",
        "expanded": r"(pred - true) \cdot w_{11}^3 \cdot a_1^2(1 - a_1^2) \cdot a_1^1",
    }
    assert (step["kind"], step["rule"], step["uses"], step["shape"]) == ("w", "weight", ["z_1^2"], [])
    assert [name for name in found if name[0] == "w"] == [
        "w_11^3", "w_12^3", "w_11^2", "w_12^2", "w_13^2", "w_21^2", "w_22^2", "w_23^2",
        "w_11^1", "w_12^1", "w_21^1", "w_22^1", "w_31^1", "w_32^1",
    ]  # fmt: skip
    assert found["a_1^1"]["paths"] == "several" and found["a_1^2"]["paths"] == "one"


@pytest.mark.parametrize("net", [*NETWORKS, *map(Network.from_toml, TOMLS)], ids=str)
def test_every_partial_used_stands_before(net):
    """A line uses targets of earlier lines only, none missing; in the matrix view too."""
    for view in ("scalar", "matrix"):
        seen = set()
        for step in document(net, view=view, every=True)["steps"]:
            assert set(step["uses"]) <= seen, step["target"]
            seen.add(step["target"])


@pytest.mark.parametrize("net", NETWORKS)
def test_lines_and_elisions_are_all_lines(net):
    """Single lines and elided ones add up to every weight, bias, z, a and pred; with --all there is nothing elided."""
    network = Network.read(net)
    short, whole = document(network), document(network, every=True)
    assert not any("elided" in step for step in whole["steps"])
    elided = [step for step in short["steps"] if "elided" in step]
    assert len(singles(short)) + sum(step["elided"] for step in elided) == len(whole["steps"])
    weights = [step for step in singles(short) if step["kind"] == "w"]
    left_out = sum(step["elided"] for step in elided if step["gathered_by"].startswith("W_"))
    assert len(weights) + left_out == network.weight_count


def test_big_networks_are_elided_as_in_a_textbook():
    """The general line, the first two, the number left out, and the last."""
    steps = document("2-100-50-1", of="W_2")["steps"]
    assert [step.get("target") for step in steps] == ["w_ij^2", "w_11^2", "w_12^2", None, "w_50,100^2"]
    assert steps[0]["general"] and steps[0]["shape"] == [50, 100]
    assert steps[3] == {"elided": 4997, "gathered_by": "W_2"}


def equations(net, *, samples, **options):
    """The sides of the equations behind the heading "Backward", as the LaTeX form writes them."""
    shown = compose(net.derive(samples=samples), **options)
    emitter = LatexEmitter(shown, whole=False)
    for block in shown.blocks:
        assert not isinstance(block, Bulk)
        if isinstance(block, Equation) and block.name:
            yield emitter.equation_sides(block)


@pytest.mark.parametrize("depth", ["shown", "substituted", "expanded", "both"])
@pytest.mark.parametrize("notation", ["seed", "bishop"])
@pytest.mark.parametrize("net", NETWORKS)
def test_lines_are_those_of_the_latex_form(net, notation, depth):
    """`line` is the line that stands in the LaTeX document, line by line, in every notation and depth."""
    options = {"notation": notation, "depth": depth}
    lines = [step["line"] for step in document(net, **options)["steps"] if "line" in step]
    assert lines == [" = ".join(sides) for sides in equations(Network.read(net), samples=1, **options)]


@pytest.mark.parametrize("net", NETWORKS)
def test_sides_are_those_of_the_latex_form(net):
    """`latex.substituted` and `latex.expanded` are the last sides of the LaTeX form's lines in these depths."""
    derivation = Network.read(net).derive()
    for record in singles(document(net)):
        step, latex = derivation[record["target"]], record["latex"]
        for depth in ("substituted", "expanded"):
            wanted = list(dict.fromkeys([latex["target"], latex["chain"], latex[depth]]))
            shown = step.latex(depth=depth)
            # ∂loss/∂pred = (pred − true): alone on its side, a sum has brackets in a line, and none as a value.
            assert shown in (" = ".join(wanted), " = ".join(wanted[:-1]) + f" = ({wanted[-1]})") or "left(" in shown


@pytest.mark.parametrize("net", ["2-3-2-1", "2-100-50-1", "3-2:relu-2:softmax --loss cross_entropy"])
def test_matrix_lines_are_those_of_the_latex_form(net):
    """Each matrix side stands, as it is, in the LaTeX document of the matrix view."""
    whole = [side for sides in equations(Network.read(net), samples=None, view="matrix") for side in sides]
    for record in document(net, samples=None, view="matrix")["steps"]:
        for side in filter(None, record["latex"].values()):
            assert any(side in shown for shown in whole) or record["entry"].endswith(side)


@pytest.mark.parametrize("net", [*NETWORKS, *map(Network.from_toml, TOMLS)], ids=str)
def test_matrix_lines_open_into_scalar_lines(net):
    """A matrix line counts what it gathers; those lines follow it, and each names it."""
    steps = document(net, samples=None, view="both", every=True)["steps"]
    opened = []
    for step in steps:
        if "count" in step:
            opened.append((step, []))
        else:
            opened[-1][1].append(step)
    for matrix, lines in opened:
        assert len(lines) == matrix["count"]
        assert {line["gathered_by"] for line in lines} == {matrix["target"]}
        ends = [lines[0]["target"], lines[-1]["target"]]
        assert matrix["gathers"] == " … ".join(dict.fromkeys(ends))
        if "columns" in matrix:
            units = {int(re.match(r"\w_(\d+)", line["target"])[1]) for line in lines}
            assert units == set(matrix["columns"])


def test_matrix_steps_open_in_python():
    """`MatrixStep.opened` gives the Steps, and `matrix_step_of` leads from each of them back."""
    for step in matrix_steps(Network.read("2-4-3-2 --bias").derive(samples=None)):
        for line in step.opened():
            assert isinstance(line, Step)
            assert matrix_step_of(line) == step


def test_matrix_shapes():
    """W_l has the shape (in, out), as the gradient has."""
    found = document("2-100-50-1", samples=None, view="matrix")["steps"]
    shapes = {step["target"]: step["shape"] for step in found}
    assert (shapes["W_1"], shapes["W_2"], shapes["W_3"]) == ([2, 100], [100, 50], [50, 1])
    assert shapes["Z_2"] == [None, 50]


def test_the_network_reads_back():
    """`network` is the figure in TOML."""
    network = Network.from_toml(TOMLS[0])
    assert Network.from_toml(document(network)["network"]) == network


@pytest.mark.parametrize("of", ["w_11^2", "a_1^1", "W_2", "layer 1", "pred"])
@pytest.mark.parametrize("view", ["scalar", "matrix", "both"])
def test_a_part(of, view):
    """One weight, unit or layer: only its lines, and the matrix line that gathers them."""
    whole = document("2-3-2-1", view=view)["steps"]
    part = document("2-3-2-1", view=view, of=of)["steps"]
    assert part
    assert all(step in whole for step in part)
    if view == "both":
        targets = {step["target"] for step in part if "count" in step}
        assert {step["gathered_by"] for step in part if "count" not in step} == targets


def test_values():
    """With numbers, each line of one target has its value, the number of its partial; general lines have none."""
    network = Network.read("2-40-1")
    numbers = network.values(seed=1)
    found = document(network, numbers=numbers)["steps"]
    for step in found:
        assert ("value" in step) == ("paths" in step and not step["general"])
    derivation = network.derive()
    for step in singles({"steps": found}):
        assert isinstance(derivation[step["target"]].target, Ref)
        assert step["value"] == numbers.number(derivation[step["target"]].partial)


def test_values_of_a_batch():
    """Where the sample is left open there is a value for each sample."""
    network = Network.read("2-2-1")
    numbers = network.values(inputs=[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], targets=[[0.0], [1.0], [0.5]], seed=1)
    found = {step["target"]: step for step in document(network, samples=3, numbers=numbers)["steps"]}
    assert found["a_1^1[n]"]["value"] == [numbers.partials[f"a_1^1[{n}]"] for n in (1, 2, 3)]
    assert found["w_11^1"]["value"] == numbers.partials["w_11^1"]


def test_values_of_matrices():
    """A matrix line has its numbers in its shape; a line for some columns has only theirs."""
    network = Network.from_toml(TOMLS[0])
    numbers = network.values(inputs=[[1.0, 2.0], [3.0, 4.0]], targets=[[0.0], [1.0]], seed=1)
    for step in document(network, samples=None, view="matrix", numbers=numbers)["steps"]:
        rows, columns = step["shape"]
        whole = numbers.partial(step["target"]).reshape(rows or 2, columns)
        wanted = whole[:, [unit - 1 for unit in step["columns"]]] if "columns" in step else whole
        assert step["value"] == wanted.tolist()


def test_a_long_sum_with_missing_edges_uses_what_is_there():
    """Where an edge is missing, the partial behind it is not used: the line's uses are its consumers, one by one."""
    network = Network.from_toml('layers = "1-2-12-1"\nmissing = ["w_31^2", "w_12,1^2"]\n')
    found = {step["target"]: step for step in document(network, every=True)["steps"]}
    assert found["a_1^1"]["uses"] == [f"z_{unit}^2" for unit in range(1, 12) if unit != 3]
    assert found["a_2^1"]["uses"] == [f"z_{unit}^2" for unit in range(1, 13)]
