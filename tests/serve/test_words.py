"""The words of the panels: each that is asked for is there, and each that is there is asked for."""

import re
from importlib.resources import files

from chainrule.prose import sentences
from chainrule.serve.data import NAMES
from chainrule.serve.requests import STATUS

SCRIPTS = {
    path.name: path.read_text(encoding="utf-8")
    for path in files("chainrule.serve").joinpath("static").iterdir()
    if path.name.endswith(".js")
}
ENDS = {
    "finished",
    "stopped",
    "replaced",
    "lonely",
    "closed",
    "lost",
    "time",
    "memory",
    "failed",
    "diverged",
    "refused",
}
VERDICTS = {"right", "wrong", "carried", "unreadable", "definition"}
EXPLAINED = {"start", "step", "reset", "optimizer", "rate", "batch_size", "epochs", "seed", "validation", "initial"}
"""The buttons and the settings of a training."""
COMPOSED = (
    {f"train.names.{name}" for name in NAMES}
    | {f"train.end.{reason}" for reason in ENDS}
    | {f"judge.verdict.{verdict}" for verdict in VERDICTS}
    | {f"{kind}.{panel}" for kind in ("title", "tab") for panel in ("edit", "judge", "train")}
    | {f"edit.tip.{end}" for end in ("from", "to")}
    | {f"train.tip.{name}" for name in EXPLAINED}
    | {f"edit.{column}" for column in ("layer", "units", "activation", "bias", "change")}
    | {f"judge.{example}" for example in ("seed", "line", "latex")}
    | {f"train.{shape}{end}" for shape in ("surface", "fitted", "scatter") for end in ("", "_text")}
)
"""The keys that are put together in a script."""


def spelled():
    """The keys that stand in a script as they are; those of a button or a field of training without `train.`."""
    found = set()
    for text in SCRIPTS.values():
        found |= set(re.findall(r'"((?:server|edit|judge|train)\.[a-z_.]+)"', text))
    buttons = re.findall(
        r'button\("([a-z]+)"|(?:number|list)\("[a-z_]+", "([a-z_]+)"|list\("([a-z]+)", ', SCRIPTS["train.js"]
    )
    return found | {f"train.{name}" for row in buttons for name in row if name}


def test_every_word_is_there_and_is_used():
    """No key without a sentence, and no sentence without a use."""
    assert spelled() | COMPOSED == set(sentences("panel", lang="en"))


def test_every_end_of_a_training_has_its_words():
    """Whatever the server says a training ended of."""
    sources = [
        path.read_text(encoding="utf-8") for path in files("chainrule.serve").iterdir() if path.name.startswith("train")
    ]
    said = set(re.findall(r'"reason": "([a-z]+)"', "".join(sources))) | set(
        re.findall(r'stop\(run, "([a-z]+)"', "".join(sources))
    )
    assert said == ENDS


def test_every_refusal_has_its_words():
    """In both languages."""
    for lang in ("en", "ko"):
        words = sentences("error", lang=lang)
        assert all(f"{key}.say" in words for key in STATUS)
