"""The peers' virtual environment."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.contenders import HERE
from tests.support import environments

REQUIREMENTS = HERE / "peers.txt"
PATIENCE = 180


def install(folder: Path = environments.FOLDER / "bench") -> Path | None:
    """Return the environment's Python, or None if the peers cannot be installed."""
    try:
        return environments.install(folder, Path(sys.executable), REQUIREMENTS, PATIENCE) / "python"
    except environments.CannotInstallError:
        return None
