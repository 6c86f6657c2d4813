"""The tests are laid out like the package, and every file of them in the same way."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.support.docs import REPOSITORY
from tests.support.package import MODULES

TESTS = REPOSITORY / "tests"
FILES = sorted(path.relative_to(TESTS) for path in TESTS.rglob("test_*.py"))
EVERY_FILE = pytest.mark.parametrize("file", FILES, ids=str)

ELSEWHERE = {
    "sync": "behaviour/test_sync.py",  # what it does is seen in a run only
    "walk/window": "unit/walk/test_walk.py",  # a tuple, made and used by the walk
}
"""The tests of modules that have no file of their name in unit/."""


@cache
def top_of(file: Path) -> list[ast.stmt]:
    return ast.parse((TESTS / file).read_text(encoding="utf-8")).body


@pytest.mark.parametrize("module", MODULES)
def test_each_module_has_a_file_of_its_name(module: str) -> None:
    folder, _, name = f"unit/{module}".rpartition("/")
    assert Path(ELSEWHERE.get(module, f"{folder}/test_{name}.py")) in FILES


def test_unit_holds_nothing_else() -> None:
    found = {file.relative_to("unit") for file in FILES if file.parts[0] == "unit"}
    modules = {str(file.with_name(file.name.removeprefix("test_")))[:-3] for file in found}
    assert modules == set(MODULES) - set(ELSEWHERE)


def test_each_file_has_its_place() -> None:
    assert {file.parts[0] for file in FILES} <= {
        "unit",
        "behaviour",
        "process",
        "project",
        "e2e",
        "live",
        # with what they belong to
        "bench",
        "dbt",
        "fake_zendesk",
        "support",
    }


@EVERY_FILE
def test_tests_are_plain_functions_with_names_of_their_own(file: Path) -> None:
    classes = [node.name for node in top_of(file) if isinstance(node, ast.ClassDef)]
    assert not [name for name in classes if name.startswith("Test")]
    names = Counter(node.name for node in top_of(file) if isinstance(node, ast.FunctionDef))
    assert not [name for name, count in names.items() if count > 1]


@EVERY_FILE
def test_no_test_leans_on_another_file_of_tests(file: Path) -> None:
    """What two of them need belongs into support/."""
    imported = {node.module for node in top_of(file) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in imported if name and name.rpartition(".")[2].startswith("test_")]
