"""The environments of the targets, and the versions in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support import environments

if TYPE_CHECKING:
    from pathlib import Path

    from tests.targets.candidates import Candidate

FOLDER = environments.FOLDER / "targets"
PATIENCE = 300


class CannotInstallError(Exception):
    """A target cannot be installed; the message says what stands in the way."""


class NoPythonError(Exception):
    """There is no Python of the version that a target needs."""


def install(candidate: Candidate) -> Path:
    """Return the folder with the programs of a target's environment."""
    base = environments.find_python(candidate.python)
    if base is None:
        raise NoPythonError(f"There is no Python {candidate.python} here.")
    try:
        return environments.install(FOLDER / candidate.slug, base, candidate.pins, PATIENCE)
    except environments.CannotInstallError as error:
        raise CannotInstallError(_reason(str(error), candidate.name)) from None


def pin(candidate: Candidate) -> None:
    """Write down the newest versions of everything that a target needs."""
    command = [
        environments.uv() or "uv",
        *("pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-emit-index-url"),
        *("--python-version", candidate.python, "-"),
    ]
    wanted = candidate.requirement.replace(" ", "\n") + "\n"
    done = environments.run(command, wanted, seconds=PATIENCE)
    candidate.pins.parent.mkdir(exist_ok=True)
    # what cannot be resolved is the verdict, and has to be found again
    candidate.pins.write_text(wanted if done.returncode else done.stdout, encoding="utf-8")


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
