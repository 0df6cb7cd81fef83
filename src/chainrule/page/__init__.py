"""The page: a network with its lines and numbers, in a lesson file, a notebook and a browser behind `chainrule serve`.

    emit_js.py    Derivation → the code module          script.py, functions.js   its expressions and functions
    bundle.py     Network → the bundle                  lines.py, writer.py       its lines
    modules.py    static/*.js, one by one or joined     lesson.py                 one HTML file

README.md beside this file says what the parts hand to each other. Nothing is differentiated here.
"""

from __future__ import annotations

from chainrule.page.bundle import bundle
from chainrule.page.emit_js import emit
from chainrule.page.lesson import lesson
from chainrule.page.modules import static

__all__ = ["bundle", "emit", "lesson", "static"]
