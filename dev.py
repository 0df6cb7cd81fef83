#!/usr/bin/env python3
"""What a developer runs. Needs only Python: it makes its own environment in .venv and leaves the system's alone.

    python3 dev.py test [pytest arguments]   run the tests; without arguments all of them, on every core
    python3 dev.py check                     lint, types, documentation, and the package as its users install it
    python3 dev.py tools                     install the system tools that the tests need, where they are missing
    python3 dev.py vendor                    fetch the files of other projects that the package carries

`test` and `check` install what they need first; the second time there is nothing left to do.
Exit status: 0 when all is well, 1 when a test or a check failed, 2 when something is missing that a person must bring.
"""

import ctypes.util
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python reads this far, and hears it here
    print("dev: chainrule needs Python 3.11 or newer; this is", sys.version.split()[0], file=sys.stderr)
    sys.exit(2)

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
TYPESCRIPT = "5.9.3"
BIN = "Scripts" if os.name == "nt" else "bin"


def main(arguments: list[str]) -> int:
    """Return the exit status of the command that the arguments name."""
    # No match statement anywhere in this file: an older Python could not read far enough to say what it lacks.
    commands: dict[str, Callable[[], int]] = {
        "test": lambda: test(arguments[1:]),
        "check": check,
        "tools": tools,
        "vendor": lambda: run([sys.executable, ROOT / "tools/vendor_katex.py"]),
    }
    if arguments in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    name = arguments[0] if arguments else ""
    if name not in commands or (name != "test" and len(arguments) > 1):
        print(__doc__, file=sys.stderr)
        return 2
    return commands[name]()


def test(arguments: list[str]) -> int:
    """Return pytest's exit status."""
    missing = tools()
    if missing:
        return missing
    # Two processes cost a second start each; only the whole suite is worth that. Neighbouring tests stay together as
    # long as possible (worksteal), because they share what is slow to start, such as the browser.
    whole = ["-n", "auto", "--dist", "worksteal"]
    return run([environment(), "-m", "pytest", *(arguments or whole)])


def check() -> int:
    """Return 0 when every check passes; all of them run, so that one run tells everything."""
    python = environment()
    with tempfile.TemporaryDirectory() as folder:
        checks: dict[str, Callable[[], bool]] = {
            "lint": lambda: run([python, "-m", "ruff", "check", "--output-format=concise", "."]) == 0,
            "format": lambda: run([python, "-m", "ruff", "format", "--check", "--output-format=concise", "."]) == 0,
            "types": lambda: run([python, "-m", "mypy"]) == 0,
            "types of the page": script_types,
            "vendored files": lambda: run([python, "tools/vendor_katex.py", "--check"]) == 0,
            "documentation": lambda: documentation(python, Path(folder) / "site"),
            "package": lambda: package(python, Path(folder)),
        }
        failed = []
        for name, passes in checks.items():
            say(f"checking: {name}")
            if not passes():
                failed.append(name)
    say("failed: " + ", ".join(failed) if failed else "every check passed")
    return 1 if failed else 0


def script_types() -> bool:
    """Return whether TypeScript finds nothing wrong in the page's modules; it is fetched into .venv, pinned."""
    npm = shutil.which("npm")
    if npm is None:
        say("npm is missing; python3 dev.py tools brings it where that is allowed")
        return False
    folder = VENV / f"typescript-{TYPESCRIPT}"
    compiler = folder / "node_modules/typescript/bin/tsc"
    fetch: list[str | Path] = [
        npm,
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--prefix",
        folder,
        f"typescript@{TYPESCRIPT}",
    ]
    return (compiler.exists() or quiet(fetch)) and quiet(["node", compiler, "-p", ROOT])


def documentation(python: Path, site: Path) -> bool:
    """Return whether the documentation builds without a warning."""
    if not (ROOT / "mkdocs.yml").exists():
        return True
    return quiet([python, "-m", "mkdocs", "build", "--strict", "--site-dir", site])


def package(python: Path, folder: Path) -> bool:
    """Return whether the wheel and the sdist, each installed alone and used from elsewhere, work."""
    dist = folder / "dist"
    # build makes the wheel from the sdist, so a file that the sdist lacks is missing from both.
    if not quiet([python, "-m", "build", "--outdir", dist, ROOT]):
        return False
    [wheel], [sdist] = dist.glob("*.whl"), dist.glob("*.tar.gz")
    source = ROOT / "src"
    wanted = {path.relative_to(source).as_posix() for path in (source / "chainrule").rglob("*") if path.is_file()}
    lost = {name for name in wanted if "__pycache__" not in name} - set(zipfile.ZipFile(wheel).namelist())
    if lost:
        say("the wheel lacks " + ", ".join(sorted(lost)))
        return False
    return all(installs(python, file, folder / file.suffix) for file in (wheel, sdist))


def installs(python: Path, file: Path, folder: Path) -> bool:
    """Return whether a built file installs into an empty environment and its command works there."""
    venv.create(folder, with_pip=False)
    scripts = folder / BIN
    version = file.name.split("-")[1].removesuffix(".tar.gz")
    return (
        quiet([python, "-m", "pip", "--python", scripts / "python", "install", "--quiet", file], cwd=folder)
        and quiet([scripts / "chainrule", "--version"], cwd=folder, saying=version)
        and quiet([scripts / "chainrule", "derive", "2-3-2-1"], cwd=folder, saying="∂loss/∂w")
    )


# The environment


def environment() -> Path:
    """Return the Python of .venv, which has everything that the tests and the checks import."""
    python = VENV / BIN / "python"
    stamp = VENV / "stamp"
    # A moved project is as stale as another Python: an environment holds absolute paths.
    base = f"{sys.version}\n{ROOT}\n"
    wanted = base + hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    found = stamp.read_text(encoding="utf-8") if stamp.exists() and python.exists() else ""
    if found == wanted:
        return python
    if VENV.is_symlink():
        give_up(f".venv leads to {VENV.resolve()}, which is not this project's to empty: remove the link")
    say("setting up .venv; the first time this takes a few minutes")
    stamp.unlink(missing_ok=True)
    # A process of its own: where Debian's python3-venv is missing, venv ends the one it runs in.
    if not found.startswith(base) and run([sys.executable, "-m", "venv", "--clear", VENV]):
        give_up("this Python cannot make an environment with pip")
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # The pip that comes with Python 3.11 does not know dependency groups yet.
    if run([*pip, "--upgrade", "pip>=25.1"]) or run([*pip, "--group", "dev", "--editable", "."]):
        give_up("could not install the Python packages that pyproject.toml names")
    stamp.write_text(wanted, encoding="utf-8")
    return python


# System tools


class Tool(NamedTuple):
    """Something the tests need that pip cannot bring, how to see that it is there, and Debian's package for it."""

    name: str
    present: Callable[[], bool]
    package: str


def program(name: str) -> Callable[[], bool]:
    """Return a look for a program."""
    return lambda: shutil.which(name) is not None


def latex(file: str) -> Callable[[], bool]:
    """Return a look for a LaTeX package."""
    return lambda: bool(shutil.which("kpsewhich") and output(["kpsewhich", file]))


def font(family: str) -> Callable[[], bool]:
    """Return a look for a font."""
    return lambda: bool(shutil.which("fc-list") and output(["fc-list", family]))


def library(name: str) -> Callable[[], bool]:
    """Return a look for a shared library, which only Linux leaves to its packages."""
    return lambda: sys.platform != "linux" or ctypes.util.find_library(name) is not None


TOOLS = (
    Tool("chromium", program("chromium"), "chromium"),
    Tool("node", program("node"), "nodejs"),  # runs the page's modules without a page
    Tool("npm", program("npm"), "npm"),  # fetches TypeScript, which checks them
    # Playwright brings a Node.js of its own, which needs this library and does not bring it.
    Tool("libatomic", library("atomic"), "libatomic1"),
    Tool("pdftotext", program("pdftotext"), "poppler-utils"),
    Tool("pdftoppm", program("pdftoppm"), "poppler-utils"),
    Tool("fc-list", program("fc-list"), "fontconfig"),
    Tool("the font NanumGothic", font("NanumGothic"), "fonts-nanum"),
    Tool("pdflatex", program("pdflatex"), "texlive-latex-base"),
    # Of the engines that set Hangul, LuaLaTeX needs the least: xelatex with hyperref is 100 MB more.
    Tool("lualatex", program("lualatex"), "texlive-luatex"),
    Tool("mathtools.sty", latex("mathtools.sty"), "texlive-latex-recommended"),
    Tool("lmodern.sty", latex("lmodern.sty"), "lmodern"),
    Tool("tikz.sty", latex("tikz.sty"), "texlive-pictures"),
)


def tools() -> int:
    """Return 0 when every tool is there, installing the missing ones where that is allowed."""
    missing = [tool for tool in TOOLS if not tool.present()]
    if not missing:
        return 0
    names = ", ".join(tool.name for tool in missing)
    packages = sorted({tool.package for tool in missing})
    if shutil.which("apt-get") is None:
        give_up(f"the tests need {names}; install what brings them on this system (on Debian: {' '.join(packages)})")
    update = ["apt-get", "update"]
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    become = privileges()
    if become is None:
        give_up(f"the tests need {names}; run:\n    sudo {' '.join(update)} && sudo {' '.join(install)}")
    say(f"installing {' '.join(packages)}; this takes a few minutes")
    # Somebody else's apt-get may be at work: wait for it.
    apt = [*become, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300"]
    if not (quiet([*apt, *update[1:]]) and quiet([*apt, *install[1:]])):
        give_up(f"could not install {' '.join(packages)}")
    if any(tool.name == "lualatex" or tool.package.startswith("fonts-") for tool in missing):
        # Otherwise the first document pays for this list of fonts, and two at once write it over each other.
        quiet(["luaotfload-tool", "--update"])
    still = [tool.name for tool in missing if not tool.present()]
    if still:
        give_up(f"still missing after the installation: {', '.join(still)}")
    return 0


def privileges() -> list[str] | None:
    """Return what must stand before a command that changes the system; None where that needs a person."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    if shutil.which("sudo") and subprocess.run([*sudo, "true"], capture_output=True, check=False).returncode == 0:
        return sudo
    return None


# Running commands


def run(command: Sequence[str | Path]) -> int:
    """Return the exit status of a command run at the root, its output shown."""
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def output(command: Sequence[str]) -> str:
    """Return what a command prints."""
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False).stdout.strip()


def quiet(command: Sequence[str | Path], *, cwd: Path = ROOT, saying: str = "") -> bool:
    """Return whether a command succeeded and printed `saying`; show its output only when not."""
    done = subprocess.run(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", check=False
    )
    if done.returncode == 0 and saying in done.stdout:
        return True
    print(done.stdout, file=sys.stderr)
    reason = f"status {done.returncode}" if done.returncode else f"{saying!r} is not in its output"
    say(f"{' '.join(map(str, command))}: {reason}")
    return False


def say(message: str) -> None:
    """Tell the person at the terminal."""
    print(f"dev: {message}", file=sys.stderr, flush=True)


def give_up(message: str) -> NoReturn:
    """End with the status that says a person is needed."""
    say(message)
    sys.exit(2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
