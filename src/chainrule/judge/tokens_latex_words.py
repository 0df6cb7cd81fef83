"""The commands of LaTeX by what they mean to a reader of formulas."""

from __future__ import annotations

TEXT = frozenset((
    "text", "mathrm", "mathit", "textit", "textrm", "textbf", "mbox", "operatorname", "mathsf", "mathtt", "texttt",
    "textsf", "textnormal", "qq", "hbox", "rm", "it", "mathop", "operatornamewithlimits", "emph", "textup", "textsc",
))  # fmt: skip
STYLE = frozenset((
    "mathbf", "boldsymbol", "bm", "vec", "mathcal", "mathscr", "mathfrak", "pmb", "bf", "symbf", "mathbb", "underline",
    "mathnormal", "symup", "vb", "va", "vu", "bs", "cal", "mathbfit", "mathds", "overrightarrow",
))  # fmt: skip
SKIPPED = frozenset((
    "displaystyle", "textstyle", "scriptstyle", "scriptscriptstyle", "limits", "nolimits", "nonumber", "notag",
    "mathstrut", "hfill", "bigr", "bigm", "Bigr", "Bigm", "biggr", "biggm", "Biggr", "Biggm", "allowbreak", "nobreak",
    "thinspace", "medspace", "thickspace", "negthinspace", "enspace", "enskip", "newline", "strut", "mathord",
    "mathbin", "mathrel", "mathpunct", "mathinner", "bgroup", "egroup", "relax", "hline", "normalsize", "small",
    "large", "Large", "centering", "noindent",
))  # fmt: skip
SKIPPED_WITH = {
    "hspace": 1, "vspace": 1, "hskip": 1, "mspace": 1, "phantom": 1, "hphantom": 1, "vphantom": 1, "label": 1, "tag": 1,
    "ref": 1, "eqref": 1, "color": 1, "cite": 1, "footnote": 1, "rule": 2,
}  # fmt: skip
"""Commands that say nothing, with how many arguments."""

KEPT = {
    "underbrace": 0, "overbrace": 0, "boxed": 0, "fbox": 0, "textcolor": 1, "colorbox": 1, "cancel": 0, "bcancel": 0,
    "xcancel": 0, "ensuremath": 0, "mathclap": 0, "smash": 0, "overset": 1, "underset": 1, "stackrel": 1, "class": 1,
    "underbracket": 0, "overbracket": 0, "htmlClass": 1,
}  # fmt: skip
"""Commands that stand for their last argument, with how many stand before it."""

MARKS = {
    "cdot": "·", "times": "·", "ast": "·", "bullet": "·", "cdotp": "·", "odot": "⊙", "circ": "⊙", "otimes": "⊗",
    "star": "·", "div": "/", "centerdot": "·",
}  # fmt: skip
RELATIONS = {
    "equiv": "≡", "coloneqq": ":=", "approx": "≈", "propto": "∝", "to": "→", "in": "∈", "simeq": "≈", "triangleq": ":=",
    "doteq": "≈", "eqqcolon": "=", "coloneq": ":=", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "lt": "<", "gt": ">",
    "ne": "≠", "neq": "≠", "leqslant": "≤", "geqslant": "≥", "rightarrow": "→", "longrightarrow": "→", "mapsto": "→",
    "sim": "~", "cong": "≈", "gets": "←", "leftarrow": "←", "eq": "=", "longmapsto": "→",
}  # fmt: skip
SEPARATORS = ("Rightarrow", "implies", "Longrightarrow", "therefore", "iff", "Leftrightarrow", "because", "qquad")
MATRICES = frozenset(("matrix", "pmatrix", "bmatrix", "vmatrix", "Vmatrix", "Bmatrix", "smallmatrix", "array"))
CASES = frozenset(("cases", "dcases", "rcases"))
ROWS = frozenset(
    ("aligned", "split", "gathered", "alignedat", "equation", "align", "gather", "multline", "flalign", "eqnarray")
)
