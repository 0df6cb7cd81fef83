"""The page: a network with its lines and numbers, in a lesson file, a notebook and a browser behind `chainrule serve`.

    emit_js.py    Derivation → the code module      script.py, functions.js  its expressions and functions

README.md beside this file says what the parts hand to each other. Nothing is differentiated here.
"""

from __future__ import annotations

from chainrule.page.emit_js import emit

__all__ = ["emit"]
