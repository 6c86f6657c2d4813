"""Virtual environments beside the project's own: made when they are needed, and kept.

As a program, ``python -m tests.support.environments 3.12``, it prints the path of a Python of that
version.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".venvs"


class CannotInstallError(Exception):
    """An environment cannot be made; the message is what the installer said."""


def find_python(version: str) -> Path | None:
    """Return a Python of this version: the one that runs this, or one of the machine.

    A shim may be on PATH without a Python behind it, so each is run, not only found.
    """
    own = [sys.executable] if version == "{}.{}".format(*sys.version_info[:2]) else []
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    more = sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    check = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    for candidate in (*own, f"python{version}", *map(str, more)):
        found = shutil.which(candidate)
        if found and run([found, "-c", check], seconds=60).returncode == 0:
            return Path(found)
    return None


def install(folder: Path, base: Path, requirements: Path, seconds: float) -> Path:
    """Return the folder with the programs of an environment that holds these requirements.

    Args:
        folder: The environment's own; what else is in it goes.
        base: The Python that it is made with.
        requirements: A file in pip's format.
        seconds: The most that one command may take.

    Raises:
        CannotInstallError: Something of them cannot be installed.
    """
    ready = folder / ".ready"
    wanted = f"{base}\n{sys.version}\n{requirements.read_text(encoding='utf-8')}"
    if not (ready.is_file() and ready.read_text(encoding="utf-8") == wanted):
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        for command in _commands(folder, base, requirements):
            done = run(command, seconds=seconds)
            if done.returncode:
                shutil.rmtree(folder, ignore_errors=True)
                raise CannotInstallError(done.stderr)
        ready.write_text(wanted, encoding="utf-8")
    return folder / "bin"


def uv() -> str | None:
    """Return the path of uv: the project's own, or one of the machine."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.is_file() else shutil.which("uv")


def run(command: list[str], given: str = "", *, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a command; one that cannot be started, or takes too long, has failed like any other."""
    try:
        return subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _commands(folder: Path, base: Path, requirements: Path) -> list[list[str]]:
    python = str(folder / "bin" / "python")
    if program := uv():
        return [
            [program, "venv", "--quiet", "--python", str(base), str(folder)],
            [program, "pip", "install", "--quiet", "--python", python, "-r", str(requirements)],
        ]
    return [
        [str(base), "-m", "venv", str(folder)],
        [python, "-m", "pip", "install", "--quiet", "-r", str(requirements)],
    ]


if __name__ == "__main__":
    (wanted_version,) = sys.argv[1:]
    if not (path := find_python(wanted_version)):
        sys.exit(1)
    print(path)
