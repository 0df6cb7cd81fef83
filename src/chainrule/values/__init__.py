"""Numbers: every symbol and every partial of a network, evaluated in NumPy from the Derivation's own statements.

    given.py     the numbers that go in: given, or drawn with a visible seed; whether they fit
    plan.py      index notation → NumPy
    numeric.py   the elementary functions, real and complex
    evaluate.py  `evaluate` and `Values`, numbers by name
    number.py    the number of one expression, as a line shows it
    verify.py    every partial once more, by complex step

Nothing here differentiates: the numbers are those of the formulas on the page.
"""

from chainrule.values.evaluate import Values, evaluate
from chainrule.values.given import Seed
from chainrule.values.verify import Verification, verify

__all__ = ["Seed", "Values", "Verification", "evaluate", "verify"]
