"""Documents that are hard to set, and what a page of a PDF shows."""

import re
import subprocess
from pathlib import Path

from chainrule import Connection, Layer, Network, Weight
from chainrule.show.compose import compose
from chainrule.show.document import Document

HOSTILE = (
    "a$b_{c}^d%e&f#g~h\\end{document}\\input{x} <script>alert(1)</script> `*[]|` ![x](y) #let $ 한글 ∂ 🙂 \u202e"
    " '\"</style>"
)
"""A name that is markup in every form."""

WIRED = Network(
    3,
    (Layer(3), Layer(2), Layer(2)),
    connections=(
        Connection(1, 0, ((1, 1), (1, 2), (2, 2), (3, 3))),
        Connection(2, 1),
        Connection(2, 0),
        Connection(3, 2),
        Connection(3, 1),
    ),
    ties=((Weight(3, 2, 1, 1), Weight(3, 2, 2, 2)),),
)
"""Missing edges, connections that skip a layer, tied weights."""

PAPERS = {
    "seed": ("2-3-2-1", 1, {}),
    "seed substituted": ("2-3-2-1", 1, {"depth": "substituted"}),
    "seed expanded": ("2-3-2-1", 1, {"depth": "expanded"}),
    "seed both": ("2-3-2-1 --bias", 1, {"depth": "both", "inputs": True}),
    "wide": ("2-100-50-1", 1, {}),
    "wide matrix": ("2-100-50-1 --bias", None, {"view": "matrix"}),
    "softmax": ("2-4-3 --loss softmax_cross_entropy", 1, {"depth": "both"}),
    "softmax layer": ("2-3-3:softmax --loss cross_entropy", None, {"view": "both"}),
    "gelu": ("2-6:gelu_tanh-5:mish-1", 1, {"depth": "both"}),
    "wired": (WIRED, 1, {"depth": "both"}),
    "ten outputs": ("3-4-10 --loss mse", 1, {}),
    "samples": ("2-3-2 --loss huber", 3, {}),
    "any samples": ("2-3-2 --loss log_cosh", None, {}),
    "numbers": ("2-6-6-2 --bias", 1, {"numbers": True}),
    "matrix numbers": ("2-3-2", None, {"numbers": True, "view": "matrix"}),
    "ng": ("2-3-2-1 --bias", 1, {"notation": "ng", "depth": "both"}),
    "nielsen": ("2-3-2-1", 2, {"notation": "nielsen"}),
    "bishop": ("2-3-2-1", 1, {"notation": "bishop", "depth": "expanded"}),
    "parens": ("2-11-11-1", 1, {"notation": "parens", "depth": "both"}),
    "general": ("2-3-2-1", 1, {"general": True}),
}
"""By name: a network, its samples, and the options of `compose`."""


def paper(name: str, **more) -> Document:
    """Return a fresh Document of PAPERS."""
    network, samples, options = PAPERS[name]
    network = Network.read(network) if isinstance(network, str) else network
    options = {**options, **more}
    if options.pop("numbers", False):
        options["numbers"] = network.values(seed=3)
    return compose(network.derive(samples=samples), **options)


def pdf_text(pdf: Path) -> str:
    """Return the words of a PDF."""
    return subprocess.run(["pdftotext", "-layout", pdf, "-"], check=True, capture_output=True, text=True).stdout


def words_off_the_page(pdf: Path, margin: float) -> list[str]:
    """Return the words that reach into the right margin, given in points."""
    boxes = subprocess.run(["pdftotext", "-bbox", pdf, "-"], check=True, capture_output=True, text=True).stdout
    width = float(re.search(r'<page width="([\d.]+)"', boxes)[1])
    words = re.findall(r'<word xMin="[-\d.]+" yMin="[-\d.]+" xMax="([-\d.]+)" yMax="[-\d.]+">(.*?)</word>', boxes)
    return [word for edge, word in words if float(edge) > width - margin]
