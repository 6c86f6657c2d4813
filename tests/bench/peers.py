"""The peers' virtual environment: made when it is needed, and kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.bench.contenders import HERE, REPOSITORY

FOLDER = REPOSITORY / ".venvs" / "bench"
REQUIREMENTS = HERE / "peers.txt"
PATIENCE = 180


def install(folder: Path = FOLDER) -> Path | None:
    """Return the environment's Python, or None if the peers cannot be installed."""
    python = folder / "bin" / "python"
    ready = folder / ".ready"
    wanted = f"{sys.version}\n{REQUIREMENTS.read_text(encoding='utf-8')}"
    if ready.is_file() and ready.read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for command in _commands(folder, python):
        try:
            done = subprocess.run(
                command, env=os.environ, capture_output=True, timeout=PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        if done.returncode:
            return None
    ready.write_text(wanted, encoding="utf-8")
    return python


def _commands(folder: Path, python: Path) -> list[list[str]]:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.is_file() else shutil.which("uv")
    if uv:
        return [
            [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
            [uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(REQUIREMENTS)],
        ]
    return [
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS)],
    ]
