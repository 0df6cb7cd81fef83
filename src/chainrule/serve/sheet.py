"""The numbers on the screen, at the end of exported code: with them it runs, and comes to what the page shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chainrule.native.layout import layout_of
from chainrule.rules import LOSSES

if TYPE_CHECKING:
    from chainrule.network import Network

_RUNS = {
    "numpy": """    parameters = {name: np.array(rows) for name, rows in ON_SCREEN["parameters"].items()}
    loss, gradients = loss_and_gradients(parameters, np.array(ON_SCREEN["X"]), np.array(ON_SCREEN["true"]))
    print("loss", loss)
    for name, gradient in gradients.items():
        print(name, gradient.tolist())
""",
    "torch": """    torch.set_default_dtype(torch.float64)
    tensors = {name: torch.tensor(rows, requires_grad=True) for name, rows in ON_SCREEN["parameters"].items()}
    value = loss(tensors, torch.tensor(ON_SCREEN["X"]), torch.tensor(ON_SCREEN["true"]))
    value.backward()
    print("loss", value.item())
    for name, tensor in tensors.items():
        print(name, tensor.grad.tolist())
""",
    "jax": """    jax.config.update("jax_enable_x64", True)
    arrays = {name: jnp.array(rows) for name, rows in ON_SCREEN["parameters"].items()}
    value, gradients = jax.value_and_grad(loss)(arrays, jnp.array(ON_SCREEN["X"]), jnp.array(ON_SCREEN["true"]))
    print("loss", float(value))
    for name, gradient in gradients.items():
        print(name, gradient.tolist())
""",
}
"""What a module prints when it is run."""

_MAIN = """
#ifdef CHAINRULE_MAIN
#include <stdio.h>
#include <stdlib.h>

// Prints the loss and its gradient at these numbers.
int main(void) {
  void *works = aligned_alloc(64, ((size_t)chainrule_work_bytes() + 63) / 64 * 64);
  real gradient[PARAMETERS];
  if (!works) return 1;
  const double loss =
      chainrule_gradient(screen_parameters, screen_x, screen_targets, SCREEN_SAMPLES, works, gradient);
  printf("loss %.9g\\n", loss);
  for (int k = 0; k < PARAMETERS; k++) printf("%d %.9g\\n", k, (double)gradient[k]);
  free(works);
  return 0;
}
#endif
"""


def with_sheet(text: str, net: Network, form: str) -> str:
    """Return code with the numbers of a network's sheet behind it; C for microcontrollers has them already.

    Args:
        text: what `chainrule.export.export` wrote.
        net: the network, with its numbers.
        form: the form that it was written in.

    Example:
        >>> from chainrule.network import Given, Network
        >>> net = Network.read("1-1").replace(given=Given(inputs=((2.0,),), targets=((1.0,),)))
        >>> '"X": [[2.0]]' in with_sheet("", net, "numpy")
        True
    """
    if not net.given or form == "c-embedded":
        return text
    return text + (_c(net) if form == "c" else _python(net, form))


def _python(net: Network, form: str) -> str:
    values = net.values()
    layout = layout_of(net.derive(samples=None).source)
    rows = "".join(f'        "{name}": {values[name].tolist()},\n' for name in layout.maps)
    targets = np.asarray(values["true"])
    if LOSSES[net.loss.name].class_index:
        targets = targets.astype(int)
    return (
        f'\n\n# The numbers that were on the screen.\nON_SCREEN = {{\n    "parameters": {{\n{rows}    }},\n'
        f'    "X": {values["X"].tolist()},\n    "true": {targets.tolist()},\n}}\n\n\n'
        f'if __name__ == "__main__":\n{_RUNS[form]}'
    )


def _c(net: Network) -> str:
    values = net.values()
    layout = layout_of(net.derive(samples=None).source)
    arrays = {
        "screen_parameters[PARAMETERS]": layout.pack({name: values[name] for name in layout.maps}),
        "screen_x[SCREEN_SAMPLES * INPUTS]": np.ravel(values["X"]),
        "screen_targets[SCREEN_SAMPLES * TARGETS]": np.ravel(values["true"]),
    }
    lines = "".join(f"const real {name} = {{{', '.join(map(repr, map(float, of)))}}};\n" for name, of in arrays.items())
    return (
        "\n// The numbers that were on the screen. Compiled with -DCHAINRULE_MAIN and -lm, this prints the loss\n"
        "// and its gradient at them.\n"
        f"enum {{ SCREEN_SAMPLES = {values.samples} }};\n{lines}{_MAIN}"
    )
