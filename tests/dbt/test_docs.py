"""docs/dbt.md word for word: a new user's project, and every question with its answer.

The tables are those that `make demo` loads, as of one day. Of the page's words only the places of
the checkout and of the database are others here.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.demo.account import account
from tests.demo.queries import ANSWERS
from tests.support.docs import Part
from tests.support.harness import NOW

from .account import read
from .databases import PostgresTables
from .engine import PACKAGE, PATIENCE, REPOSITORY, programs, quiet

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.postgres import Database, Postgres

PAGE = (REPOSITORY / "docs" / "dbt.md").read_text(encoding="utf-8")


def blocks(language: str, text: str) -> list[str]:
    """Return the blocks of one language in a part of the page."""
    return Part("docs/dbt.md", text).blocks(language)


class User:
    """Somebody with an empty folder, a database that the demo has filled, and the page."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.tables = PostgresTables(database)
        self.folder = folder
        self._variables = {**quiet(folder), "WAREHOUSE_PASSWORD": "none"}
        del self._variables["DBT_TARGET_PATH"], self._variables["DBT_LOG_PATH"]

    def shell(self, commands: str) -> str:
        """Run commands as if they were copied into a terminal; return what they print."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.folder,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            encoding="utf-8",
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def user(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> User:
    """A user who has followed the page up to `dbt build`."""
    user = User(postgres.fresh_database("docs"), tmp_path_factory.mktemp("warehouse"))
    user.tables.load(read(account(NOW), start_date="2025-10-01").messages)
    project, released, local, profiles = blocks("yaml", section("Install"))
    assert yaml.safe_load(released)["packages"][0]["subdirectory"] == PACKAGE.name
    place = user.tables.variables
    simulated = {
        "/path/to/tap-zendesk-events": str(REPOSITORY),
        "host: localhost": f"host: {place['DBT_POSTGRES_HOST']}",
        "user: transformer": f"user: {place['DBT_POSTGRES_USER']}",
        "dbname: warehouse": f"dbname: {place['DBT_POSTGRES_DBNAME']}",
    }
    for name, text in {
        "dbt_project.yml": project,
        "packages.yml": local,
        "profiles.yml": profiles,
    }.items():
        assert f"`{name}`" in PAGE
        (user.folder / name).write_text(replaced(text, simulated), encoding="utf-8")
    _, build = blocks("sh", section("Install"))
    assert build.splitlines() == ["dbt deps", "dbt build"]
    user.shell(build)
    return user


def section(heading: str) -> str:
    """Return the text below a heading of the page, up to the next of its level."""
    found = re.search(rf"^(#+) {heading}\n(.*?)(?=^#{{1,2}} |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[2]


def replaced(text: str, simulated: dict[str, str]) -> str:
    for said, meant in simulated.items():
        text = text.replace(said, meant)
    return text


def test_what_is_installed_is_what_runs_here() -> None:
    install, _ = blocks("sh", section("Install"))
    program, verb, *requirements = shlex.split(install)
    assert (program, verb) == ("pip", "install")
    check = (
        "import sys\nfrom importlib.metadata import version\n"
        "for name in sys.argv[1:]: print(version(name))"
    )
    names = [requirement.partition("~=")[0] for requirement in requirements]
    told = subprocess.run(
        [str(programs() / "python"), "-c", check, *names],
        capture_output=True,
        check=True,
        encoding="utf-8",
    ).stdout.split()
    for requirement, version in zip(requirements, told, strict=True):
        series = requirement.partition("~=")[2].rpartition(".")[0]
        assert version.startswith(f"{series}."), (requirement, version)


def test_a_new_user_builds_all_models_with_the_packages_tests_only(user: User) -> None:
    results = json.loads((user.folder / "target" / "run_results.json").read_text("utf-8"))
    kinds = [result["unique_id"].partition(".")[0] for result in results["results"]]
    assert kinds.count("model") == len(list(PACKAGE.glob("models/**/*.sql")))
    assert kinds.count("test") > 50
    assert set(kinds) == {"model", "test"}  # histories by hand are the package's own business
    schemas = user.tables.query(
        "SELECT table_schema, count(*) FROM information_schema.tables "
        "WHERE table_schema LIKE 'zendesk%' GROUP BY 1 ORDER BY 1"
    )
    assert schemas == [("zendesk", 4), ("zendesk_models", kinds.count("model"))]


def questions() -> dict[str, tuple[str, str]]:
    """Return the SQL and the answer below the heading of each model."""
    found = {}
    for model, text in re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL):
        (question,), (answer,) = blocks("sql", text), blocks("text", text)
        found[model] = (question, answer)
    return found


def test_every_model_has_a_question() -> None:
    assert questions().keys() == {file.stem for file in PACKAGE.glob("models/*.sql")}
    asked = [question.rstrip("\n") for question, _ in questions().values()]
    assert [query.statement for query in ANSWERS if query.statement not in asked] == []


@pytest.mark.parametrize("model", questions())
def test_the_answer_to_each_question(user: User, model: str) -> None:
    question, answer = questions()[model]
    assert f"zendesk_models.{model}" in question
    names, _, *lines = answer.splitlines()
    rows = user.tables.query(question)
    columns = names.split()
    assert as_table(columns, rows) == answer, f"docs/dbt.md should say\n{as_table(columns, rows)}"
    assert len(lines) == len(rows) > 1


def as_table(names: list[str], rows: list[tuple[Any, ...]]) -> str:
    cells = [names, *([_cell(n, v) for n, v in zip(names, row, strict=True)] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )
    return "".join(f"{line}\n" for line in lines)


def _cell(name: str, value: Any) -> str:
    counts = isinstance(value, int) and not name.endswith("_id")
    return "" if value is None else f"{value:,}" if counts else str(value)


def test_the_variables_are_those_of_the_package() -> None:
    project = yaml.safe_load((PACKAGE / "dbt_project.yml").read_text(encoding="utf-8"))
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", section("Variables"), re.MULTILINE)
    told = dict(rows)
    own = project["vars"]["zendesk_events"]
    assert told.keys() == own.keys()
    for name, value in own.items():
        assert value is None or told[name] == f"`{json.dumps(value)}`".replace('"', ""), name


def test_the_page_names_real_columns_and_plugins() -> None:
    described = yaml.safe_load((PACKAGE / "models" / "models.yml").read_text(encoding="utf-8"))
    columns = {
        model["name"]: {column["name"] for column in model["columns"]}
        for model in described["models"]
    }
    named = re.findall(r"`(tickets|ticket_\w+)\.(\w+)`", PAGE)
    assert len(named) > 2
    for model, column in named:
        assert column in columns[model], f"{model}.{column}"
    meltano = yaml.safe_load((REPOSITORY / "meltano.yml").read_text(encoding="utf-8"))
    (job,) = (job for job in meltano["jobs"] if job["name"] == "zendesk-to-answers")
    (command,) = re.findall(r"^meltano run (.* dbt-postgres:build)$", PAGE, re.MULTILINE)
    assert job["tasks"] == [command]
