"""The targets' virtual environments: made when they are needed, and kept."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.targets.candidates import Candidate

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FOLDER = REPOSITORY / ".venvs" / "targets"
PATIENCE = 300


class CannotInstallError(Exception):
    """A target cannot be installed; the message says what stands in the way."""


class NoPythonError(Exception):
    """There is no Python of the version that a target needs."""


def install(candidate: Candidate) -> Path:
    """Return the folder with the programs of a target's environment."""
    folder = FOLDER / candidate.slug
    programs = folder / "bin"
    ready = folder / ".ready"
    base = find_python(candidate.python)
    wanted = f"{base}\n{candidate.pins.read_text(encoding='utf-8')}"
    if ready.is_file() and ready.read_text(encoding="utf-8") == wanted:
        return programs
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for command in _commands(folder, base, candidate.pins):
        done = _run(command)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            raise CannotInstallError(_reason(done.stderr, candidate.name))
    ready.write_text(wanted, encoding="utf-8")
    return programs


def pin(candidate: Candidate) -> None:
    """Write down the newest versions of everything that a target needs."""
    command = [
        _uv() or "uv",
        *("pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-emit-index-url"),
        *("--python-version", candidate.python, "-"),
    ]
    wanted = candidate.requirement.replace(" ", "\n") + "\n"
    done = _run(command, wanted)
    candidate.pins.parent.mkdir(exist_ok=True)
    # what cannot be resolved is the verdict, and has to be found again
    candidate.pins.write_text(wanted if done.returncode else done.stdout, encoding="utf-8")


def find_python(version: str) -> Path:
    """Return a Python of this version: the one that runs this, or one of the machine."""
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return Path(sys.executable)
    pyenv = Path.home() / ".pyenv" / "versions"
    candidates = [*sorted(pyenv.glob(f"{version}.*/bin/python"))]
    if on_path := shutil.which(f"python{version}"):
        candidates.append(Path(on_path))
    for python in candidates:
        # a shim may be there without a Python behind it
        if _run([str(python), "-c", "pass"]).returncode == 0:
            return python
    raise NoPythonError(f"There is no Python {version} here.")


def _commands(folder: Path, base: Path, pins: Path) -> list[list[str]]:
    python = str(folder / "bin" / "python")
    if uv := _uv():
        return [
            [uv, "venv", "--quiet", "--python", str(base), str(folder)],
            [uv, "pip", "install", "--quiet", "--python", python, "-r", str(pins)],
        ]
    return [
        [str(base), "-m", "venv", str(folder)],
        [python, "-m", "pip", "install", "--quiet", "-r", str(pins)],
    ]


def _uv() -> str | None:
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.is_file() else shutil.which("uv")


def _run(command: list[str], given: str = "") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            input=given,
            env=os.environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _reason(errors: str, name: str) -> str:
    """What stands in the way: the requirement that a resolver or a compiler complains about."""
    patterns = (
        r"hint: `([\w.-]+)` \(v[\w.]+\) was included because",
        r"Because ([\w.-]+)==[\w.]+ has",
        r"Failed to build [`']?([\w.-]+?)(?:==|['`\s])",
    )
    for pattern in patterns:
        found = re.search(pattern, errors)
        if found and found[1] != name:
            return found[1].removesuffix("-binary")
    return errors.strip().splitlines()[-1] if errors.strip() else "no reason given"
