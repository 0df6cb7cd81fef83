"""The emitted module's numbers are those of `values`, in node, over random networks.

The tolerance: 1e-12 of a number, or 64 ulps of the largest number of its kind, since where terms cancel, what is left
is the rounding of the terms, and sums are added up in another order.
"""

import itertools
import json
import subprocess
from pathlib import Path

import numpy as np

import oracle
from chainrule import Network
from chainrule.algebra import free, substitute
from chainrule.expr import Partial, Ref
from chainrule.native import for_any_samples
from chainrule.native.layout import layout_of
from chainrule.native.lower import identifier
from chainrule.page import emit
from chainrule.page.emit_js import locals_of
from chainrule.values import evaluate
from chainrule.values.number import Reader
from drawn import suitable

RELATIVE, FLOOR_ULPS = 1e-12, 64
PAIRS = list(itertools.product(oracle.HIDDEN, oracle.LOSSES))
RUNNER = Path(__file__).with_name("run_modules.mjs")


def run(folder, cases):
    """Return what the modules compute: for each case its arrays and local derivatives."""
    for number, case in enumerate(cases):
        path = folder / f"module{number}.mjs"
        path.write_text(case.pop("text"), encoding="utf-8")
        case["module"] = path.as_uri()
    asked = json.dumps({"cases": cases})
    done = subprocess.run(["node", RUNNER], input=asked, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def case_of(net, seed, samples):
    """Return a network's values, what its local derivatives should be, and the case that node computes."""
    random = np.random.default_rng(seed)
    x, true = random.uniform(-2, 2, (samples, net.inputs)), suitable(random, net, samples)
    values = evaluate(net, inputs=x, targets=true, seed=seed)
    layout = layout_of(values.derivation.source)
    derivation = for_any_samples(net)
    reader = Reader(derivation, values._store, samples)
    asked, theirs = [], []
    for number, local in enumerate(locals_of(derivation)):
        for _ in range(2):
            picked = {index: int(random.choice(index.range())) for index in local.indices}
            row = int(random.integers(samples))
            rows = {index: row + 1 for index in free(local.link.local) if index.dim.name == "samples"}
            asked.append([number, row, *(value - 1 for value in picked.values())])
            theirs.append(reader.number(substitute(local.link.local, {**picked, **rows})))
    case = {
        "text": emit(net), "p": layout.pack({name: values[name] for name in layout.maps}).tolist(),
        "x": values["X"].ravel().tolist(), "target": np.ravel(values["true"]).tolist(), "count": samples,
        "locals": asked,
    }  # fmt: skip
    return values, layout, theirs, case


def assert_close(mine, theirs, what, scale=0.0):
    """Numbers agree, NaN and infinity included."""
    mine, theirs = np.array(mine, dtype=float).ravel(), np.asarray(theirs, dtype=float).ravel()
    scale = np.abs(theirs[np.isfinite(theirs)]).max(initial=scale)
    allowed = RELATIVE * np.abs(theirs) + FLOOR_ULPS * np.finfo(float).eps * scale
    with np.errstate(invalid="ignore"):
        same = (mine == theirs) | (np.isnan(mine) & np.isnan(theirs)) | (np.abs(mine - theirs) <= allowed)
    assert same.all(), (what, mine[~same], theirs[~same])


def assert_agrees(found, values, layout, theirs, net):
    """Every symbol, every partial and every local derivative of a case."""
    arrays = found["arrays"]
    scale = max(np.abs(values.partial(name)).max() for name in ("pred", *layout.maps))
    for family in values.derivation.families:
        symbol = family.target.symbol
        if symbol.kind not in ("w", "b"):
            mine = arrays[identifier(Partial(Ref(values.derivation.source.root.symbol), family.target))]
            assert_close(mine, values.matrix_partial(symbol), f"∂{symbol} of {net}", scale)
    for symbol in {s.target.symbol for s in values.derivation.source.statements}:
        assert_close(arrays[identifier(Ref(symbol))], values.matrix(symbol), f"{symbol} of {net}")
    gradient = layout.unpack(np.array(arrays["g"], dtype=float))
    for name in layout.maps:
        assert_close(gradient[name], values.partial(name), f"∂{name} of {net}", scale)
    assert_close(found["locals"], theirs, f"local derivatives of {net}")


def test_emitted_code_agrees_with_values(tmp_path):
    """Each pair of an activation and a loss; gaps, skips, ties, readouts; one sample and several."""
    nets = [oracle.random_network(seed, activation=a, loss=l) for seed, (a, l) in enumerate(PAIRS)]
    made = [case_of(net, seed, (1, 2, 5)[seed % 3]) for seed, net in enumerate(nets)]
    found = run(tmp_path, [case for *_, case in made])
    for net, (values, layout, theirs, _), one in zip(nets, made, found, strict=True):
        assert_agrees(one, values, layout, theirs, net)


def test_a_large_network(tmp_path):
    """The 5,250 weights of 2-100-50-1, and softmax with classes."""
    for number, text in enumerate(("2-100-50-1 --bias", "4-30-10 --loss softmax_ce_index", "3-4:softmax --loss ce")):
        net = Network.read(text)
        values, layout, theirs, case = case_of(net, number, 3)
        assert_agrees(*run(tmp_path, [case]), values, layout, theirs, net)


def test_a_wrong_sign_is_seen(tmp_path):
    """The comparison can fail: one sign turned round in the module's text."""
    net = Network.read("2-3-2-1")
    values, layout, theirs, case = case_of(net, 0, 2)
    case["text"] = case["text"].replace("d_pred[n] = pred[n] - target[n]", "d_pred[n] = target[n] - pred[n]")
    [found] = run(tmp_path, [case])
    try:
        assert_agrees(found, values, layout, theirs, net)
    except AssertionError:
        return
    raise AssertionError("a wrong sign was not seen")
