"""Bring KaTeX into the package, pinned and verified, or check what is there.

    python tools/vendor_katex.py            fetch, verify, write
    python tools/vendor_katex.py --check    compare the tree with its SHA256SUMS; needs no network

The files are KaTeX's own, byte for byte, but for one that is made here: `katex.inline.css` is its style sheet with the
fonts inside it, for HTML that must stand alone. To take another version, change the two constants below: `npm view
katex@VERSION dist.integrity` prints the second.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "0.19.1"
INTEGRITY = "sha512-jG8uKntjSEcm2EpQOh0XturpPuuC9r3Sq5HLHdsFdWZT27E672SF19QEi+of0/YeOy15lDgRhKvr5614uRrEfA=="

TARGET = Path(__file__).resolve().parent.parent / "src/chainrule/show/static/katex"
WANTED = re.compile(r"package/(LICENSE|dist/katex\.min\.(?:js|css)|dist/fonts/[^/]+\.woff2)")
SOURCES = re.compile(r'src:url\(fonts/([^)]+\.woff2)\) format\("woff2"\)[^};]*')
SUMS = "SHA256SUMS"


def main(arguments: list[str]) -> int:
    """Return the exit status: 0 when the tree holds what it should."""
    if arguments not in ([], ["--check"]):
        print("usage: vendor_katex.py [--check]", file=sys.stderr)
        return 2
    if not arguments:
        try:
            write(fetch())
        except (OSError, RuntimeError) as error:
            print(f"vendor: {error}", file=sys.stderr)
            return 1
    problems = check()
    for problem in problems:
        print(f"vendor: {problem}", file=sys.stderr)
    if not problems:
        size = sum(path.stat().st_size for path in TARGET.rglob("*") if path.is_file())
        print(f"vendor: KaTeX {VERSION}, {size / 1e6:.2f} MB, as its checksums say", file=sys.stderr)
    return 1 if problems else 0


def fetch() -> dict[str, bytes]:
    """Return the wanted files of the pinned package, by their path in TARGET."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("npm is needed to fetch KaTeX; install Node.js")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [npm, "pack", "--silent", f"katex@{VERSION}"], cwd=folder, stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"npm pack katex@{VERSION} failed with status {done.returncode}")
        archive = Path(folder) / f"katex-{VERSION}.tgz"
        found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != INTEGRITY:
            raise RuntimeError(f"katex {VERSION} is not what was pinned:\n  {found}\n  {INTEGRITY} expected")
        with tarfile.open(archive) as tar:
            return {
                match[1].removeprefix("dist/"): file.read()
                for member in tar
                if (match := WANTED.fullmatch(member.name)) and (file := tar.extractfile(member))
            }


def write(files: dict[str, bytes]) -> None:
    """Replace TARGET by the files, the inlined style sheet, the version and the checksums."""
    if b"</script" in files["katex.min.js"]:
        raise RuntimeError("katex.min.js holds '</script': it can no longer be embedded in a page as it is")
    files = files | {
        "katex.inline.css": inline(files["katex.min.css"].decode(), files).encode(),
        "VERSION": f"{VERSION}\n".encode(),
    }
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    shutil.rmtree(TARGET, ignore_errors=True)
    for name, content in {**files, SUMS: sums.encode()}.items():
        path = TARGET / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def inline(css: str, files: dict[str, bytes]) -> str:
    """Return the style sheet with each font's sources replaced by the one woff2, as a data URI."""

    def data(match: re.Match[str]) -> str:
        font = base64.b64encode(files[f"fonts/{match[1]}"]).decode()
        return f'src:url(data:font/woff2;base64,{font}) format("woff2")'

    css, count = SOURCES.subn(data, css)
    if "url(fonts/" in css or count != css.count("@font-face"):
        raise RuntimeError("the style sheet names its fonts in a new way: see SOURCES")
    return css


def check() -> list[str]:
    """Return what differs between the tree and its checksums, in sentences."""
    if not (TARGET / SUMS).is_file():
        return [f"no {SUMS} in {TARGET}; run: python3 dev.py vendor"]
    listed = {}
    for line in (TARGET / SUMS).read_text(encoding="utf-8").splitlines():
        digest, name = line.split("  ", 1)
        listed[name] = digest
    present = {path.relative_to(TARGET).as_posix(): path for path in TARGET.rglob("*") if path.is_file()}
    present.pop(SUMS)
    problems = [f"{name} is missing" for name in sorted(listed.keys() - present.keys())]
    problems += [f"{name} is not in {SUMS}" for name in sorted(present.keys() - listed.keys())]
    for name in sorted(listed.keys() & present.keys()):
        if hashlib.sha256(present[name].read_bytes()).hexdigest() != listed[name]:
            problems.append(f"{name} was changed after it was fetched")
    if not problems and (TARGET / "VERSION").read_text(encoding="utf-8").strip() != VERSION:
        problems.append(f"the files are of another version than {VERSION}")
    return problems


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
