"""Whether a tag may be released, and what is new in it: ``make release-check TAG=v1.2.3``."""

from __future__ import annotations

import re
import sys
import tomllib
from datetime import date
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def problems(tag: str, folder: Path = REPOSITORY) -> list[str]:
    """Return what stands in the way, as sentences; an empty list means go.

    Args:
        tag: The tag's name.
        folder: Holds pyproject.toml and CHANGELOG.md.
    """
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version: str = project["version"]
    if tag != f"v{version}":
        return [f"The tag is {tag!r}, but the version in pyproject.toml is {version!r}."]
    found = _sections(version, folder)
    if len(found) != 1:
        return [f"CHANGELOG.md has {len(found) or 'no'} sections '## [{version}] - YYYY-MM-DD'."]
    heading, _, text = found[0].partition("\n")
    wrong = []
    if not _has_a_date(heading.removeprefix(f"[{version}]")):
        wrong.append(f"The heading of {version} in CHANGELOG.md does not end with ' - YYYY-MM-DD'.")
    if not re.search(r"^- ", text, re.MULTILINE):
        wrong.append(f"The section of {version} in CHANGELOG.md lists no change.")
    return wrong


def notes(tag: str, folder: Path = REPOSITORY) -> str:
    """Return what the changelog says of a tag that may be released, in Markdown.

    Args:
        tag: The tag's name.
        folder: Holds CHANGELOG.md.
    """
    (section,) = _sections(tag.removeprefix("v"), folder)
    return section.partition("\n")[2].strip() + "\n"


def _sections(version: str, folder: Path) -> list[str]:
    """Return the changelog's sections of a version, each with its heading's words first."""
    changelog = (folder / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    return [section for section in sections if section.startswith(f"[{version}]")]


def _has_a_date(text: str) -> bool:
    found = re.fullmatch(r" - (\d{4}-\d{2}-\d{2})", text.rstrip())
    if not found:
        return False
    try:
        date.fromisoformat(found[1])
    except ValueError:
        return False
    return True


def main(arguments: list[str]) -> int:
    """Print what stands in the way, or with ``--notes`` what is new; return the exit status."""
    *options, tag = arguments
    found = problems(tag)
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        print(notes(tag).rstrip() if options == ["--notes"] else f"{tag} can be released.")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
