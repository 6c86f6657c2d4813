"""README.md and the pages in docs/, for the tests that compare them with something or run them."""

from __future__ import annotations

import ast
import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from markdown_it.token import Token

REPOSITORY = Path(__file__).resolve().parents[2]
_MARKDOWN = MarkdownIt("commonmark").enable("table")

Row = list[str]
"""The cells of a row, as Markdown."""


class Part:
    """A page, or what stands below one of its headings.

    Args:
        name: The page's path in the repository.
        text: Markdown.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    @cached_property
    def tokens(self) -> list[Token]:
        """What the parser makes of it."""
        return _MARKDOWN.parse(self.text)

    def below(self, *headings: str) -> Part:
        """Return what stands below a heading, down to the next that is not deeper.

        Args:
            headings: A heading's words; more than one lead from heading to heading.
        """
        part = self
        for heading in headings:
            part = part._below(heading)
        return part

    def _below(self, heading: str) -> Part:
        found = [h for h in self._headings() if h[1].content == heading]
        assert len(found) == 1, f"{self.name} has {len(found) or 'no'} headings {heading!r}"
        ((opened, _),) = found
        first, last = _lines(opened)[1], len(self.text.splitlines())
        for other, _ in self._headings():
            if _lines(other)[0] >= first and other.tag <= opened.tag:
                last = _lines(other)[0]
                break
        return Part(self.name, "\n".join(self.text.splitlines()[first:last]) + "\n")

    def headings(self) -> list[str]:
        """Return the words of each heading."""
        return [inline.content for _, inline in self._headings()]

    def anchors(self) -> set[str]:
        """Return what a link can lead to, as GitHub makes it of the headings."""
        found: set[str] = set()
        for _, inline in self._headings():
            words = "".join(child.content for child in inline.children or ())
            anchor = re.sub(r"[^\w -]", "", words.strip().lower()).replace(" ", "-")
            number = 0
            while (numbered := f"{anchor}-{number}" if number else anchor) in found:
                number += 1
            found.add(numbered)
        return found

    def blocks(self, language: str) -> list[str]:
        """Return the fenced blocks of a language, without the indentation that lists need."""
        return [t.content for t in self.tokens if t.type == "fence" and t.info == language]

    def tables(self) -> list[list[Row]]:
        """Return the rows of each table, its head first."""
        found: list[list[Row]] = []
        for number, token in enumerate(self.tokens):
            if token.type == "table_open":
                found.append([])
            elif token.type == "tr_open":
                found[-1].append([])
            elif token.type in {"th_open", "td_open"}:
                found[-1][-1].append(self.tokens[number + 1].content)
        return found

    def table(self, first: str) -> list[Row]:
        """Return the rows of the tables whose head begins with this cell, the head once."""
        found = [table for table in self.tables() if table[0][0] == first]
        assert found, f"{self.name} has no table headed {first!r}"
        head = found[0][0]
        assert all(table[0] == head for table in found), f"{self.name}: heads of {first!r} differ"
        return [head, *(row for table in found for row in table[1:])]

    def items(self) -> list[str]:
        """Return the Markdown of each item of its lists, in a line each."""
        return [
            self.tokens[number + 2].content.replace("\n", " ")
            for number, token in enumerate(self.tokens)
            if token.type == "list_item_open"
        ]

    def links(self) -> list[str]:
        """Return where links lead to and where pictures are."""
        found = (child.attrGet("href") or child.attrGet("src") for child in self._inline())
        return [str(target) for target in found if target]

    def code(self) -> list[str]:
        """Return what stands between backquotes."""
        return [child.content for child in self._inline() if child.type == "code_inline"]

    def _inline(self) -> Iterator[Token]:
        for token in self.tokens:
            yield from token.children or ()

    def _headings(self) -> list[tuple[Token, Token]]:
        """Return each heading and its words."""
        return [
            (token, self.tokens[number + 1])
            for number, token in enumerate(self.tokens)
            if token.type == "heading_open"
        ]


def _lines(token: Token) -> tuple[int, int]:
    """Return a block's first line, and the one after its last."""
    assert token.map
    first, after = token.map
    return first, after


def page(name: str) -> Part:
    """Return a file of the repository."""
    return Part(name, (REPOSITORY / name).read_text(encoding="utf-8"))


README = page("README.md")
DOCS = {path.stem: page(f"docs/{path.name}") for path in sorted(REPOSITORY.glob("docs/*.md"))}
"""The pages by their short names."""

PAGES = (README, *DOCS.values())


def every_block(language: str) -> list[str]:
    """Return the fenced blocks of a language from all pages."""
    return [block for part in PAGES for block in part.blocks(language)]


def functions_of(file: str) -> set[str]:
    """Return the functions of a file below tests/."""
    tree = ast.parse((REPOSITORY / "tests" / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def without_links(cell: str) -> str:
    """Return Markdown with the words of its links, but not their targets."""
    return re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", cell)


def as_markdown(rows: Iterable[Row]) -> str:
    """Return a table the way the pages write one, its columns to the left."""
    head, *body = rows
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, [":---"] * len(head), *body])
