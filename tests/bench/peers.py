"""The peers' virtual environment."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.contenders import HERE
from tests.support import environments

REQUIREMENTS = HERE / "peers.txt"
AIRBYTE = HERE / "readers.txt"
PATIENCE = 180


def install(
    folder: Path = environments.FOLDER / "bench", requirements: Path = REQUIREMENTS
) -> Path | None:
    """Return the environment's Python, or None if the peers cannot be installed."""
    try:
        return environments.install(folder, Path(sys.executable), requirements, PATIENCE) / "python"
    except environments.CannotInstallError:
        return None
