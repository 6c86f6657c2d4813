"""Targets from a repository, and what is kept of those whose service is not here."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import environments as virtual_environments
from tests.support.docs import page
from tests.support.selection import ALL_STREAMS
from tests.targets import environments, readers, report
from tests.targets.candidate import Candidate, Place, Source
from tests.targets.candidates import CANDIDATES
from tests.targets.offline import kept, redshift

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_checked_offline_only_is_marked() -> None:
    (found, _) = page("tests/targets/results.md").tables()
    for candidate in CANDIDATES:
        rows = [row for row in found if row[0] == report.target(candidate)]
        assert rows
        for row in rows:
            works, sends = (any(kind in cell for cell in row[3:5]) for kind in report.USEFUL)
            assert not (works if candidate.offline else sends)
            assert ("offline only" in row[0]) is bool(candidate.offline)


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda candidate: candidate.slug)
def test_what_is_installed_is_pinned_without_addresses(candidate: Candidate) -> None:
    lines = candidate.pins.read_text(encoding="utf-8").splitlines()
    from_index = f"{candidate.name}=={candidate.version}" in lines
    assert from_index is (candidate.source is None)
    assert all(re.fullmatch(r"[\w.-]+(\[\w+\])?==[\w.+]+( ; .+)?", line) for line in lines)


def test_what_is_tried_anew_replaces_its_own_rows_alone() -> None:
    def as_page(*rows: str, details: tuple[str, ...]) -> str:
        head = "| Target | Tried |\n| :--- | :--- |\n"
        first, second = ("".join(f"| {row} |\n" for row in some) for some in (rows, details))
        return f"A\n\n{head}{first}\nB\n\n{head}{second}"

    old = as_page("one | 2026-01-01", "two | 2026-01-01", "gone | 2026-01-01", details=("one | x",))
    new = as_page("two | 2026-02-02", "two more | 2026-02-02", details=("two | y",))
    assert report.merged(new, old, ["one", "two", "two more"]) == as_page(
        "one | 2026-01-01",
        "two | 2026-02-02",
        "two more | 2026-02-02",
        details=("one | x", "two | y"),
    )
    assert report.merged(new, old, ["two"]) == as_page("two | 2026-02-02", details=("two | y",))
    assert report.without_days("| a | 2026-01-01 |") == report.without_days("| a | 2026-02-02 |")


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def from_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Candidate:
    """A target whose repository is in a folder that the environment names."""
    folder = tmp_path / "sources" / "Owner" / "target-x"
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "first")
    source = Source("Owner/target-x", git(folder, "rev-parse", "HEAD"))
    monkeypatch.setenv(environments.SOURCES, str(tmp_path / "sources"))
    monkeypatch.setattr(environments, "FOLDER", tmp_path / "environments")
    candidate = Candidate("target-x", "1", 2026, "target-x", (), source=source)
    monkeypatch.setattr(Candidate, "pins", property(lambda _: tmp_path / "pins.txt"))
    candidate.pins.write_text("attrs==26.1.0\n", encoding="utf-8")
    return candidate


def test_the_very_commit_is_installed_from_the_folder(
    from_source: Candidate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = []

    def install(_folder: Path, _base: Path, requirements: Path, _seconds: float) -> Path:
        wanted.append(requirements.read_text(encoding="utf-8"))
        return tmp_path

    monkeypatch.setattr(virtual_environments, "install", install)
    environments.install(from_source)
    assert from_source.source
    where = (tmp_path / "sources" / "Owner" / "target-x").as_uri()
    commit = from_source.source.commit
    assert wanted == [f"attrs==26.1.0\ntarget-x @ git+{where}@{commit}\n"]


def test_a_repository_that_is_not_there_says_nothing_about_the_target(
    from_source: Candidate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environments.SOURCES, str(tmp_path / "empty"))
    with pytest.raises(environments.NotHereError, match="TARGETS_SOURCES has no repository"):
        environments.install(from_source)


def test_what_is_kept_of_a_service_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only columns that the table has; one row a key, but only where a MERGE says so."""
    monkeypatch.chdir(tmp_path)
    kept.FOLDER.mkdir()
    stream, other = ALL_STREAMS[:2]
    for value in (1, 2):
        kept.rows(stream, [{"id": 7, "value": value, "unknown": 1}])
        kept.rows(other, [{"id": 7, "value": value}])
    kept.columns(stream, {"id": "NUMBER", "value": "NUMBER"})
    assert readers.offline(Place(tmp_path, tmp_path)) == {
        stream: [{"id": 7, "value": 1}, {"id": 7, "value": 2}],
        other: [{"id": 7, "value": 1}, {"id": 7, "value": 2}],
    }
    kept.keys(stream, ["id"])
    assert readers.offline(Place(tmp_path, tmp_path))[stream] == [{"id": 7, "value": 2}]


def test_what_redshift_does_to_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kept.FOLDER.mkdir()
    warehouse = redshift.Warehouse()
    for table in ("zendesk.ticket_events", "temporary"):
        warehouse.execute(
            f"CREATE TABLE {table} (\n\tid BIGINT NOT NULL, \n\tvia VARCHAR(5), "
            "\n\tsystem SUPER, \n\tPRIMARY KEY (id)\n)"
        )
    with warehouse.open("s3://b/file", "w") as file:
        file.write('1,"aaaaä","[1, ""x""]"\r\n2,a ,\r\n')
    warehouse.execute('COPY temporary ("id", "via", "system") FROM \'s3://b/file\' GZIP CSV')
    merge = "MERGE INTO zendesk.ticket_events USING temporary ON"
    warehouse.execute(f"{merge} temporary.id = zendesk.ticket_events.id REMOVE DUPLICATES")
    assert readers.offline(Place(tmp_path, tmp_path)) == {
        "ticket_events": [
            {"id": "1", "via": "aaaa", "system": [1, "x"]},
            {"id": "2", "via": "a", "system": None},
        ]
    }
