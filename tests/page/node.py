"""The page's modules in Node, without a browser."""

import json
import subprocess
from pathlib import Path

from chainrule.page import static


def run(script, folder, cases):
    """Return what a script beside this file finds with the page's modules."""
    for number, case in enumerate(cases):
        path = folder / f"code{number}.mjs"
        path.write_text(case.pop("text"), encoding="utf-8")
        case["module"] = path.as_uri()
    # Node takes a .js file for a module only where a package says so.
    for source in static().glob("*.js"):
        (folder / source.name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    asked = json.dumps({"modules": folder.as_uri(), "cases": cases})
    done = subprocess.run(
        ["node", Path(__file__).with_name(script)],
        input=asked,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
