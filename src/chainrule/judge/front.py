"""`chainrule.check`, which loads the judge only when it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chainrule.judge.report import Report
    from chainrule.network import Network


def check(text: str | bytes, network: Network | str | None = None, **options: Any) -> Report:
    r"""Judge a derivation, line by line.

    Args:
        text: a document: Markdown, LaTeX, a notebook, plain text or Typst.
        network: the network, or its shorthand; without one it is found from the document.
        options: those of `chainrule.judge.api.check`: name, format, notation, repairs, seconds.

    Raises:
        ChainruleError: where the document or the network cannot be read.

    Example:
        >>> import chainrule
        >>> report = chainrule.check("$$pred = a_1^2 w_{11}^3 + a_2^2 w_{12}^3$$", "2-3-2-1")
        >>> report.score
        1.0
    """
    from chainrule.judge.api import check as judge

    return judge(text, network, **options)
