"""What the site takes from the package when it is built: KaTeX with its fonts, the JSON schema. Nothing is fetched."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

SHOW = Path(__file__).resolve().parent.parent / "src" / "chainrule" / "show"
KATEX = SHOW / "static" / "katex"


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Return the site's files with those of the package."""
    taken = {f"katex/{name}": KATEX / name for name in ("katex.min.js", "katex.min.css", "LICENSE")}
    taken |= {f"katex/fonts/{font.name}": font for font in KATEX.glob("fonts/*.woff2")}
    taken["derivation.schema.json"] = SHOW / "derivation.schema.json"
    for path, source in taken.items():
        files.append(File.generated(config, path, abs_src_path=str(source)))
    return files
