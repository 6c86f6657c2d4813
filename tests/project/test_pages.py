"""README and docs as pages: short enough, found from the README, without dead links."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from tests.support.docs import DOCS, PAGES, README, REPOSITORY, Part, functions_of, page

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHERS = tuple(
    page(name)
    for name in (
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "tests/bench/results.md",
        "tests/targets/results.md",
    )
)
EVERY_PAGE = pytest.mark.parametrize("part", [*PAGES, *OTHERS], ids=lambda part: part.name)

START = "e2e/test_readme_start.py::test_a_new_users_path"
AFTERWARDS = "e2e/test_docs_commands.py::test_windows_states_and_selections"
ALONE = "process/test_cli.py::test_the_commands_without_meltano"
RUN_BY = {
    ("README.md", "make demo"): "project/test_docs.py::test_the_makefile_has_every_target",
    ("README.md", "meltano init"): START,
    ("README.md", "CHECKOUT="): START,
    ("README.md", "meltano invoke"): START,
    ("README.md", "meltano run"): START,
    ("README.md", "meltano job add"): START,
    ("README.md", "meltano select"): AFTERWARDS,
    ("docs/streams.md", "meltano select"): AFTERWARDS,
    ("docs/state.md", "meltano state list"): AFTERWARDS,
    ("docs/state.md", "meltano run --full-refresh"): AFTERWARDS,
    ("docs/operations.md", "TAP_ZENDESK_EVENTS_START_DATE="): AFTERWARDS,
    ("docs/operations.md", "cp .env.example"): "e2e/test_readme_start.py::test_from_a_checkout",
    ("docs/many-accounts.md", "pip install dagster"): (
        "e2e/test_docs_commands.py::test_what_dagster_is_started_with"
    ),
    ("docs/many-accounts.md", "day()"): (
        "e2e/test_windows_in_shell.py::test_the_commands_of_two_accounts"
    ),
    ("docs/dbt.md", "pip install"): "dbt/test_docs.py::test_what_is_installed_is_what_runs_here",
    ("docs/dbt.md", "dbt deps"): (
        "dbt/test_docs.py::test_a_new_user_builds_all_models_with_the_packages_tests_only"
    ),
    ("docs/dbt.md", "meltano install"): (
        "e2e/test_meltano_dbt.py::test_a_job_loads_and_builds_in_the_schemas_of_its_stage"
    ),
    ("docs/without-meltano.md", "export"): ALONE,
    ("docs/without-meltano.md", "sed"): ALONE,
    ("docs/without-meltano.md", "uvx --from"): (
        "e2e/test_package.py::test_the_command_as_uvx_runs_it"
    ),
    ("docs/without-meltano.md", ".venv/bin/python -m tests.fake_zendesk"): (
        "fake_zendesk/test_server.py::test_it_can_be_started_by_itself"
    ),
}
"""For each block of commands, by how it begins, the test that runs it."""


# Short, and everything found from it


def test_the_readme_is_for_one_sitting() -> None:
    assert len(README.text.splitlines()) <= 250
    assert len(README.text.split()) <= 2_500


def test_the_readme_has_an_index_of_all_pages() -> None:
    _, *rows = README.below("Documentation").table("Page")
    listed = [re.fullmatch(r"\[(.+)\]\(docs/(.+)\.md\)", first) for first, _ in rows]
    assert all(listed)
    found = {entry[2]: entry[1] for entry in listed if entry}
    assert len(found) == len(rows)
    assert found == {name: part.headings()[0] for name, part in DOCS.items()}
    assert all(answers for _, answers in rows)


def test_every_page_leads_back() -> None:
    for part in DOCS.values():
        top = part.text.splitlines()[2]
        assert top == "[README](../README.md) · [all pages](../README.md#documentation)", part.name


@pytest.mark.parametrize(
    ("words", "page", "heading", "answer"),
    [
        ("Exit status", "operations", "Exit status", "| 143 | SIGTERM"),
        ("`ticket_comments`", "streams", "ticket_comments", "| `html_body` |"),
        ("one year only", "operations", "History, one window at a time", "loads 2023 alone"),
        ("a token was refused", "authentication", "A token was refused", "(status 401`**"),
        ("two runs at once", "operations", "Two runs at once", "**The same pipeline: no.**"),
    ],
)
def test_a_question_is_answered_within_two_clicks(
    words: str, page: str, heading: str, answer: str
) -> None:
    """The words stand in a row of README that leads to the page; that is short, or says where."""
    part = DOCS[page]
    rows = [row for table in README.tables() for row in table if words in " ".join(row)]
    led = {target for row in rows for target in Part("README.md", " ".join(row)).links()}
    anchor = heading.lower().replace(" ", "-").replace(",", "")
    assert led & {f"docs/{page}.md", f"docs/{page}.md#{anchor}"}
    assert answer in part.below(heading).text
    top = "\n".join(part.text.splitlines()[:30])
    assert f"](#{anchor})" in top or f"## {heading}" in top


# Links


def resolve(part: Part, target: str) -> tuple[str, str]:
    """Return the file that a link leads to, as a path in the repository, and the anchor in it."""
    path, _, anchor = target.partition("#")
    if not path:
        return part.name, anchor
    place = (REPOSITORY / PurePosixPath(part.name).parent / path).resolve()
    return str(place.relative_to(REPOSITORY)), anchor


def dead(part: Part) -> Iterator[str]:
    """Yield the links that lead nowhere; those to other hosts are not asked for."""
    for target in part.links():
        if target.startswith("https://"):
            continue
        path, anchor = resolve(part, target)
        there = part if path == part.name else path
        if not (REPOSITORY / path).exists() or (anchor and anchor not in anchors(there)):
            yield target


def anchors(place: Part | str) -> set[str]:
    return place.anchors() if isinstance(place, Part) else page(place).anchors()


@EVERY_PAGE
def test_no_link_is_dead(part: Part) -> None:
    assert list(dead(part)) == []


@pytest.mark.parametrize("target", ["#gone", "docs/gone.md", "docs/state.md#gone", "http://x"])
def test_a_dead_link_would_be_found(target: str) -> None:
    assert list(dead(Part("README.md", f"# Here\n\n[a](#here), [b]({target})\n"))) == [target]


def test_anchors_are_those_of_github() -> None:
    text = "# A `code_word` & *more*\n\n## 1. What's this?\n\n## Twice\n\n## Twice\n"
    assert Part("x.md", text).anchors() == {
        "a-code_word--more",
        "1-whats-this",
        "twice",
        "twice-1",
    }


def test_the_code_names_pages_that_exist() -> None:
    """Errors and warnings send people to a page of the docs by its title."""
    titles = {part.headings()[0] for part in DOCS.values()}
    sources = sorted((REPOSITORY / "tap_zendesk_events").rglob("*.py"))
    texts = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    named = re.findall(r"see (\w+) in the docs", re.sub(r'"\s+f?"', "", texts))
    assert named
    assert set(named) <= titles
    assert "in the README" not in texts


# Tables


@EVERY_PAGE
def test_every_row_has_as_many_cells_as_its_head(part: Part) -> None:
    """A parser drops what is too much, and so the reader never sees it."""
    lines = part.text.splitlines()
    for token in part.tokens:
        if token.type == "table_open" and token.map:
            rows = [re.split(r"(?<!\\)\|", line) for line in lines[slice(*token.map)]]
            assert {len(row) for row in rows} == {len(rows[0])}, f"{part.name}: {rows[0]}"


# Commands


def test_every_block_of_commands_is_run_by_a_test() -> None:
    begins = [(part.name, block) for part in PAGES for block in part.blocks("sh")]
    for (name, begin), test in RUN_BY.items():
        (mine,) = (each for each in begins if each[0] == name and each[1].startswith(begin))
        begins.remove(mine)
        file, _, function = test.partition("::")
        assert function in functions_of(file), test
    assert begins == []
