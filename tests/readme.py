"""Parts of the README, for the tests that compare them with something or run them."""

from __future__ import annotations

import re
from pathlib import Path

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


def between(name: str, text: str = README) -> str:
    """Return what stands between the two comments that mark a part."""
    found = re.findall(
        rf"^<!-- {name}: .*? -->\n(.*?)^<!-- /{name} -->$", text, re.MULTILINE | re.DOTALL
    )
    assert len(found) == 1, f"there has to be one part marked {name}"
    return str(found[0])


def section(heading: str) -> str:
    """Return the text below a heading, up to the next of its level."""
    level = heading.partition(" ")[0]
    found = re.search(
        rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)",
        README,
        re.MULTILINE | re.DOTALL,
    )
    assert found, f"README.md has no heading {heading}"
    return found[1]


def blocks(language: str, text: str = README) -> list[str]:
    """Return the fenced blocks of a language, without the indentation that lists need."""
    pattern = rf"^( *)```{language}\n(.*?)^\1```$"
    found = re.findall(pattern, text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]
