"""Markdown: what GitHub, Jupyter, Colab and Quarto each stumble over does not stand in it."""

import re

import pytest

from chainrule import Network
from chainrule.show import write_document
from chainrule.show.compose import compose
from chainrule.show.markdown import escape
from papers import HOSTILE, PAPERS, paper


@pytest.mark.parametrize("name", PAPERS)
def test_formulas_are_read_alike_everywhere(name):
    """One line each, in $$; no macro that GitHub refuses, no backslash that Markdown takes away."""
    text = write_document(paper(name), "markdown")
    displays = re.findall(r"\$\$.*?\$\$", text, re.DOTALL)
    assert len(displays) > 8
    for display in displays:
        assert "\n" not in display
        assert not re.search(r"\\operatorname|\\begin\{align|\\\[|\\\(|\\[^a-zA-Z]", display)
        assert "$" not in display[2:-2]
    for line in text.splitlines():
        assert line.startswith("$$") == line.endswith("$$")
        if not line.startswith("$$"):
            assert len(re.findall(r"(?<!\\)\$", line)) % 2 == 0


def test_words_stand_in_text():
    r"""Words beside a formula are \text; braces stand outside of it."""
    text = write_document(paper("general", lang="ko"), "markdown")
    assert all("\\text{" in line for line in text.splitlines() if re.search("[가-힣]", line) and line.startswith("$$"))
    assert r"\text{for " in write_document(paper("general"), "markdown")


def test_a_hostile_name_is_only_a_name():
    """Markdown's own marks are escaped, HTML is not HTML, and a line break ends no heading."""
    text = write_document(compose(Network.read("2-1").replace(name=f"{HOSTILE}\n# evil").derive()), "markdown")
    (heading,) = [line for line in text.splitlines() if line.startswith("# ")]
    assert "&lt;script&gt;" in heading
    assert r"!\[x\](y)" in heading
    assert heading.endswith(r"\# evil")


def test_escape():
    """Each mark once."""
    assert escape("*a* _b_ `c` [d] #e |f| <g> & $h$ ~i~ \\") == (
        "\\*a\\* \\_b\\_ \\`c\\` \\[d\\] \\#e \\|f\\| &lt;g&gt; &amp; \\$h\\$ \\~i\\~ \\\\"
    )
