"""The environments of the targets, and the versions in them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import environments

if TYPE_CHECKING:
    from tests.targets.candidate import Candidate, Source

FOLDER = environments.FOLDER / "targets"
PATIENCE = 300
SOURCES = "TARGETS_SOURCES"
"""The environment variable that names a folder with repositories: OWNER/NAME, as on GitHub."""


class CannotInstallError(Exception):
    """A target cannot be installed; the message says what stands in the way."""


class NotHereError(Exception):
    """What a target needs is not here, so nothing can be said about it."""


def install(candidate: Candidate) -> Path:
    """Return the folder with the programs of a target's environment."""
    base = environments.find_python(candidate.python)
    if base is None:
        raise NotHereError(f"There is no Python {candidate.python} here.")
    requirements = candidate.pins
    if candidate.source:
        requirements = FOLDER / f"{candidate.slug}.txt"
        requirements.parent.mkdir(parents=True, exist_ok=True)
        own = candidate.requirements(_address(candidate.source)).splitlines()[0]
        pins = candidate.pins.read_text(encoding="utf-8")
        requirements.write_text(f"{pins}{own}\n", encoding="utf-8")
    try:
        return environments.install(FOLDER / candidate.slug, base, requirements, PATIENCE)
    except environments.CannotInstallError as error:
        raise CannotInstallError(_reason(str(error), candidate.name)) from None


def pin(candidate: Candidate) -> None:
    """Write down the newest versions of everything that a target needs."""
    command = [
        environments.uv() or "uv",
        *("pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-emit-index-url"),
        *("--python-version", candidate.python, "-"),
    ]
    # its own address is the candidate's, and the same for everybody
    command += ["--no-emit-package", candidate.name] if candidate.source else []
    wanted = candidate.requirements(_address(candidate.source) if candidate.source else "")
    done = environments.run(command, wanted, seconds=PATIENCE)
    candidate.pins.parent.mkdir(exist_ok=True)
    # what cannot be resolved is the verdict, and has to be found again
    candidate.pins.write_text(wanted if done.returncode else done.stdout, encoding="utf-8")


def _address(source: Source) -> str:
    """Where a source is: in a folder with repositories, by owner and name, or on GitHub.

    Raises:
        NotHereError: Neither has it.
    """
    if folder := os.environ.get(SOURCES):
        where = Path(folder, source.repository).resolve().as_uri()
        found = environments.run(["git", "ls-remote", "--quiet", where], seconds=PATIENCE)
        missing = f"{SOURCES} has no repository {source.repository}."
    else:
        where = f"https://github.com/{source.repository}"
        # without a terminal, git asks nobody for a password
        command = ["env", "GIT_TERMINAL_PROMPT=0", "git", "ls-remote", "--quiet", where]
        found = environments.run(command, seconds=PATIENCE)
        missing = f"{source.repository} cannot be reached; {SOURCES} may name a folder that has it."
    if found.returncode:
        raise NotHereError(missing)
    return f"git+{where}@{source.commit}"


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
