"""Exported C: compiled with every warning an error, run under sanitizers, and its numbers are those of `values`."""

from __future__ import annotations

import itertools
import re
import subprocess

import numpy as np
import pytest

import oracle
from chainrule import Network, SelectionError
from chainrule.cli import main
from chainrule.export import C_FORMS, export
from chainrule.native import OPTIMIZERS, find_compiler
from chainrule.native import compile as compiled
from chainrule.native.emit import emit
from chainrule.native.lower import lower
from chainrule.native.optimizers import optimizer
from chainrule.values import evaluate
from drawn import suitable
from strategies import HOSTILE_NAMES

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
SANITIZED = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
SAMPLES = 5

EMBEDDED_MAIN = """
  read_all(stdin, network_parameters, PARAMETERS); read_all(stdin, x, N * INPUTS); read_all(stdin, t, N * TARGETS);
  for (int n = 0; n < N; n++) network_predict(x + n * INPUTS, out + n * OUTPUTS);
  show(out, N * OUTPUTS);
  real loss = network_value(x, t, N); show(&loss, 1);
  loss = network_train(x, t, N, (real)0.0625); show(&loss, 1);
  show(network_gradient, PARAMETERS); show(network_parameters, PARAMETERS);
"""
NATIVE_MAIN = """
  static real p[PARAMETERS], g[PARAMETERS], m[PARAMETERS], v[PARAMETERS];
  void *works = aligned(chainrule_work_bytes());
  double losses[1], rates[1] = {0.0625}, settings[8] = {SETTINGS};
  int64_t clock[3] = {0, 0, 0};
  read_all(stdin, p, PARAMETERS); read_all(stdin, x, N * INPUTS); read_all(stdin, t, N * TARGETS);
  chainrule_predict(p, x, N, works, out); show(out, N * OUTPUTS);
  real loss = (real)chainrule_value(p, x, t, N, works); show(&loss, 1);
  loss = (real)chainrule_gradient(p, x, t, N, works, g); show(&loss, 1); show(g, PARAMETERS);
  chainrule_train(p, m, v, clock, x, t, N, N, 1, rates, 0, settings, 0, 1, 1, works, 0, g, losses);
  show(p, PARAMETERS);
  free_aligned(works);
"""
FRAME = """
#include <stdio.h>
#include <stdlib.h>
#define N {samples}
static void read_all(FILE *from, real *to, int count) {{
  double number;
  for (int k = 0; k < count; k++) {{ if (fscanf(from, "%lf", &number) != 1) exit(3); to[k] = (real)number; }}
}}
static void show(const real *numbers, int count) {{
  for (int k = 0; k < count; k++) printf("%.17g ", (double)numbers[k]);
  printf("\\n");
}}
{helpers}
int main(void) {{
  static real x[N * INPUTS], t[N * TARGETS], out[N * OUTPUTS];
{body}
  return 0;
}}
"""
ALIGNED = """
static void *raw;
static void *aligned(int64_t bytes) {
  raw = malloc((size_t)bytes + 64);
  if (!raw) exit(4);
  return (void *)(((uintptr_t)raw + 63) / 64 * 64);
}
static void free_aligned(void *works) { (void)works; free(raw); }
"""


def run(folder, source, form, numbers, settings=()):
    """What the source computes from parameters, samples and targets, in a process of its own."""
    if form == "c-embedded":
        frame = FRAME.format(samples=SAMPLES, helpers="", body=EMBEDDED_MAIN)
        extra = ()
    else:
        body = NATIVE_MAIN.replace("SETTINGS", ", ".join(map(repr, settings)))
        frame = FRAME.format(samples=SAMPLES, helpers=ALIGNED, body=body)
        extra = ("-march=native", "-ffp-contract=fast", "-fno-math-errno")
    (folder / "network.c").write_text(source + frame)
    command = [*find_compiler().command, *STRICT, *SANITIZED, *extra, "network.c", "-o", "network", "-lm"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[:2000]
    text = " ".join(repr(float(number)) for number in np.concatenate([np.ravel(part) for part in numbers]))
    done = subprocess.run([str(folder / "network")], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    return [np.array([float(number) for number in line.split()]) for line in done.stdout.splitlines()]


def check(folder, net, form, dtype, seed, source=None):
    """Outputs, loss, gradient and one step of SGD are those of `values`."""
    random = np.random.default_rng(seed)
    x, true = random.uniform(-2, 2, (SAMPLES, net.inputs)), suitable(random, net, SAMPLES)
    values = evaluate(net, inputs=x, targets=true, seed=seed)
    layout = compiled(net, dtype="float64", cc="numpy").layout
    params = layout.pack({name: values[name] for name in layout.maps})
    pred, loss, *rest = run(folder, source or export(net, form, dtype=dtype), form, (params, x, true), (0.0,))
    if form == "c-embedded":
        again, gradient, moved = rest
        gradient, moved = gradient.copy(), moved.copy()
    else:
        again, gradient, moved = rest
    relative, floor = (1e-12, 64 * 2.0**-52) if dtype == "float64" else (2e-4, 2e-5)
    np.testing.assert_allclose(pred, values["pred"].ravel(), rtol=relative, atol=floor * 10)
    np.testing.assert_allclose([loss[0], again[0]], [values["loss"]] * 2, rtol=relative, atol=floor)
    scale = max(np.abs(values.partial(name)).max(initial=0) for name in layout.maps)
    scale = max(scale, np.abs(values.partial("pred")).max() * SAMPLES)
    for name, array in layout.unpack(gradient).items():
        theirs = values.partial(name)
        assert np.all(np.abs(array - theirs) <= relative * np.abs(theirs) + floor * scale), f"{name} of {net}"
    np.testing.assert_allclose(moved, params - 0.0625 * gradient, rtol=relative, atol=floor * (1 + scale))


PAIRS = list(itertools.product(oracle.HIDDEN, oracle.LOSSES))


@pytest.mark.parametrize("seed", range(16))
def test_embedded_c_agrees_with_values(tmp_path, seed):
    """Every activation and every loss: skips, gaps, ties, an activation for each unit, read-outs."""
    activation, loss = PAIRS[(seed * 61 + 5) % len(PAIRS)]
    net = oracle.random_network(seed, activation=activation, loss=loss)
    check(tmp_path, net, "c-embedded", ("float64", "float32")[seed % 4 == 3], seed)


NETWORKS = {
    "unrolled": "2-3-2-1 --bias", "softmax": "3-4-3 --loss softmax_ce_index --bias", "looped": "5-20-30-4 --loss huber",
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_code_that_runs_is_strict_c_and_agrees(tmp_path, name, dtype):
    net = Network.read(NETWORKS[name])
    source = export(net, "c", dtype=dtype)
    assert source == compiled(net, dtype=dtype, quiet=True).source
    check(tmp_path, net, "c", dtype, 7, source)


def test_code_for_several_threads_is_strict_too(tmp_path):
    net = Network.read("2-3-2-1")
    from chainrule.native import for_any_samples

    source = emit(lower(for_any_samples(net)), find_compiler().target("float64"), optimizer("adamw"), threads=2)
    (tmp_path / "t.c").write_text(source)
    command = [*find_compiler().command, *STRICT, "-march=native", "-O1", "-pthread", "-c", "t.c"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stderr == ""


@pytest.mark.parametrize("chosen", OPTIMIZERS)
def test_each_optimizer_steps_as_it_does_here(tmp_path, chosen):
    """The step of a microcontroller is that of `Kernel.train`."""
    net = Network.read("2-3-1 --bias")
    random = np.random.default_rng(0)
    x, true = random.normal(size=(SAMPLES, 2)), random.normal(size=(SAMPLES, 1))
    kernel = compiled(net, dtype="float64", optimizer=chosen, cc="numpy")
    params, state = kernel.draw(0), kernel.state()
    begun = params.copy()
    kernel.train(params, state, x, true, steps=1, rate=0.0625)
    found = run(tmp_path, export(net, "c-embedded", dtype="float64", optimizer=chosen), "c-embedded", (begun, x, true))
    np.testing.assert_allclose(found[-1], params, rtol=1e-12)


@pytest.mark.parametrize("form", C_FORMS)
def test_no_name_breaks_the_code(tmp_path, form):
    """Whatever a network, its units and its inputs are called, it is a comment, and one that ends where it should."""
    for at, name in enumerate([*HOSTILE_NAMES, "*/ int main(void) { return 1; } /*", "ends in \\", "??/", "int", "p"]):
        net = Network.read("2-2-1").replace(name=name, input_names=(name, "return"))
        (tmp_path / f"{at}.c").write_text(export(net, form))
    files = sorted(path.name for path in tmp_path.glob("*.c"))
    command = [*find_compiler().command, *STRICT, "-march=native", "-fsyntax-only", *files]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stderr == ""


def test_memory_is_what_the_header_says(tmp_path):
    """RAM to the byte; the estimate of the code within a factor of two of what a compiler makes."""
    for words in ("2-3-2-1", "2-100-50-1 --bias", "5-20-30-4 --loss softmax_ce_index", "2-3:gelu-2:mish-2"):
        source = export(Network.read(words), "c-embedded", optimizer="adam")
        (tmp_path / "n.c").write_text(source)
        command = [*find_compiler().command, *STRICT, "-Os", "-fno-asynchronous-unwind-tables", "-c", "n.c"]
        subprocess.run(command, cwd=tmp_path, check=True)
        done = subprocess.run(["size", "-A", "n.o"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        sizes = {name: int(size) for name, size in re.findall(r"^\.(\w+)\S*\s+(\d+)", done, re.MULTILINE)}
        ram = int(re.search(r"RAM\), (\d+) bytes", source)[1])
        assert ram <= sizes["data"] + sizes["bss"] <= ram + 32 * 12, "beyond it, gaps between arrays"
        numbers, code = map(int, re.search(r"Flash: (\d+) bytes of numbers .*, and about (\d+) bytes", source).groups())
        assert numbers == sizes["data"]
        assert code / 2 <= sizes["text"] <= code * 2


def test_each_line_stands_above_its_code():
    """And no line is too long to read."""
    for form in C_FORMS:
        text = export(Network.read("2-100-50-1 --bias"), form)
        for line in ("∂loss/∂w_ij^2 = Σ_{n=1}^N ∂loss/∂z_i^2[n]", "a_i^1[n] = σ(z_i^1[n])", "∂loss/∂b_i^1 = "):
            assert f"  // {line}" in text
        assert "malloc" not in text


def test_options_of_c_are_for_c(capsys):
    with pytest.raises(SystemExit) as left:
        main(["export", "2-3-1", "--to", "numpy", "--dtype", "float32"])
    assert left.value.code == 2
    assert "--dtype is for c and c-embedded, not for numpy" in capsys.readouterr().err
    with pytest.raises(SelectionError):
        export(Network.read("2-3-1"), "c", optimizer="sgdd")


TRAINED_MAIN = """
  read_all(stdin, x, N * INPUTS); read_all(stdin, t, N * TARGETS);
  for (int n = 0; n < N; n++) network_predict(x + n * INPUTS, out + n * OUTPUTS);
  show(out, N * OUTPUTS);
  real loss = network_value(x, t, N); show(&loss, 1);
  for (int k = 0; k < 50; k++) network_train(x, t, N, (real)0.05);
  loss = network_value(x, t, N); show(&loss, 1);
"""


def trained(folder, model, x, targets, dtype="float64"):
    """The outputs of an exported model, its loss, and its loss after some steps on the device."""
    path = folder / "model.safetensors"
    model.save(path)
    with pytest.raises(SystemExit) as left:
        main(["export", str(path), "--to", "c-embedded", "--dtype", dtype, "-o", str(folder / "network.c")])
    assert not left.value.code
    source = (folder / "network.c").read_text(encoding="utf-8")
    (folder / "network.c").write_text(source + FRAME.format(samples=len(x), helpers="", body=TRAINED_MAIN))
    command = [*find_compiler().command, *STRICT, *SANITIZED, "network.c", "-o", "network", "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    text = " ".join(map(repr, [*np.ravel(x).tolist(), *np.ravel(targets).tolist()]))
    done = subprocess.run([str(folder / "network")], input=text, capture_output=True, text=True, check=True).stdout
    return source, [np.array([float(number) for number in line.split()]) for line in done.splitlines()]


@pytest.mark.parametrize("standardise", [True, False])
def test_a_trained_model_takes_its_standardisation_along(tmp_path, standardise):
    """Inputs and outputs of the code are in the units of the data, as those of `predict`; it goes on learning there."""
    random = np.random.default_rng(3)
    x = random.uniform(10, 50, (60, 3))
    y = np.stack([x @ [1.0, 2.0, -1.0] + 100, x[:, 0] * 0.01], axis=1)
    model = Network.read("3-5-2 --bias").fit(x, y, epochs=9, seed=1, standardise=standardise)
    source, (outputs, before, after) = trained(tmp_path, model, x[:SAMPLES], y[:SAMPLES])
    np.testing.assert_allclose(outputs.reshape(-1, 2), model.outputs(x[:SAMPLES]), rtol=1e-12)
    np.testing.assert_allclose(before[0] / SAMPLES, model.measure(x[:SAMPLES], y[:SAMPLES]).loss, rtol=1e-12)
    assert ("inputs_mean" in source) == standardise == ("units of the data" in source)
    if standardise:
        assert after[0] < before[0]


def test_a_trained_classifier_says_its_classes(tmp_path):
    random = np.random.default_rng(4)
    x = random.normal(size=(60, 2)) * 5 + 40
    kinds = np.array(["low */", "high"])[(x.sum(axis=1) > 80).astype(int)]
    model = Network.read("2-4-2 --bias --loss softmax_ce_index").fit(x, kinds, epochs=9, seed=1)
    numbers = np.array([model.targets.classes.index(kind) + 1.0 for kind in kinds[:SAMPLES]])
    source, (outputs, _, _) = trained(tmp_path, model, x[:SAMPLES], numbers)
    np.testing.assert_allclose(outputs.reshape(-1, 2), model.outputs(x[:SAMPLES]), rtol=1e-12)
    assert "order of their numbers: high, low" in " ".join(source.split())


def test_a_model_is_refused_where_a_form_holds_no_numbers(tmp_path, capsys):
    model = Network.read("2-1").fit(np.ones((9, 2)), np.ones(9), epochs=1)
    for form in ("numpy", "torch", "jax", "c"):
        with pytest.raises(SelectionError, match="holds no numbers"):
            export(model, form)
    model.save(tmp_path / "m.safetensors")
    with pytest.raises(SystemExit) as left:
        main(["export", str(tmp_path / "m.safetensors"), "--to", "c-embedded", "--bias"])
    assert left.value.code == 2
    assert "--bias is of a network" in capsys.readouterr().err
