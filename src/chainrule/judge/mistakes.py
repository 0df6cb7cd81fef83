"""The mistakes that have a name; their words stand in `prose/`, under `check.mistake`."""

from __future__ import annotations

KINDS = (
    "wrong_index", "swapped_index", "wrong_layer", "wrong_symbol", "wrong_power", "missing_factor", "extra_factor",
    "sign", "forgotten_path", "extra_path", "wrong_derivative", "missing_transpose", "extra_transpose", "wrong_order",
    "sum_for_product", "product_for_sum", "elementwise_for_product", "product_for_elementwise", "inner_for_outer",
    "wrong_shape", "wrong_side", "backwards", "other_network", "wrong_value",
)  # fmt: skip
