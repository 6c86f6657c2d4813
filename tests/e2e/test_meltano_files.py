"""`meltano run` into files: CSV, whose nested cells have to be JSON, and JSON lines."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_zendesk import Account, FakeZendesk, make_events, make_metric_events, plain_event
from tests.support.independent_reader import comments, field_changes
from tests.support.meltano_project import EVERY_STREAM

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.conftest import Pipelines

NESTED = ("child_events", "merged_ticket_ids", "system", "metadata", "extra_fields")
STRANGE_CHILD = {
    "id": 71,
    "event_type": "Unheard of",
    "text": 'it\'s "quoted", with a comma\nand 日本語',
    "deep": {"unknown": [1, 2.5, None, True, {"nested": "'"}]},
}
STRANGE = plain_event(
    70,
    1_690_000_000,
    child_events=[STRANGE_CHILD],
    system={"client": "Firefox", "unknown": {"key": [None]}},
    metadata={"unknown": {"deeper": {"still": 1}}},
    never_documented={"a": [1, {"b": None}]},
    also_new="text",
)


FREE_TEXT = ("body", "html_body", "plain_body")


def rows_of(folder: Path, stream: str = "ticket_events") -> list[list[dict[str, str]]]:
    """Return the rows of each CSV file of a stream, the earliest run's first."""
    files = []
    for path in sorted(folder.glob(f"{stream}-*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            files.append(list(csv.DictReader(file, strict=True)))
    return files


def nested(row: dict[str, str]) -> dict[str, Any]:
    """Return what the cells of the nested columns hold, which are JSON text or empty."""
    return {name: json.loads(row[name]) if row[name] else None for name in NESTED}


@pytest.mark.parametrize("who_flattens", ["target", "tap"])
def test_csv_cells_hold_json(pipelines: Callable[..., Pipelines], who_flattens: str) -> None:
    events = [STRANGE, *make_events(200, seed=21, unknown_fields=True)]
    clocks = make_metric_events(60, seed=21, events=events[1:])
    settings = {"TAP_ZENDESK_EVENTS_INCLUDE_COMMENTS": "true", **EVERY_STREAM}
    if who_flattens == "tap":
        settings |= {
            "TAP_ZENDESK_EVENTS_FLATTENING_ENABLED": "true",
            "TAP_ZENDESK_EVENTS_FLATTENING_MAX_DEPTH": "1",
            "TARGET_CSV_FLATTENING_ENABLED": "false",
        }
    with FakeZendesk(Account(events, metric_events=clocks), rate_limit=None).serve() as url:
        meltano = pipelines(url, **settings)
        meltano.run("zendesk-to-csv")

    expected = {
        "ticket_events": len(events),
        "ticket_field_changes": len(field_changes(events)),
        "ticket_comments": len(comments(events)),
        "ticket_metric_events": len(clocks),
    }
    for stream, count in expected.items():
        (rows,) = rows_of(meltano.output_folder, stream)
        assert (stream, len(rows)) == (stream, count)
        structures = [
            json.loads(cell)
            for row in rows
            for name, cell in row.items()
            if name not in FREE_TEXT and cell.startswith(("[", "{"))
        ]
        assert structures

    (rows,) = rows_of(meltano.output_folder)
    assert [int(row["id"]) for row in rows].count(70) == 1
    assert {int(row["id"]) for row in rows} == {event["id"] for event in events}
    cells = {int(row["id"]): nested(row) for row in rows}
    assert all(isinstance(found["child_events"], list) for found in cells.values())
    assert cells[70]["child_events"] == [STRANGE_CHILD]
    assert cells[70]["system"] == STRANGE["system"]
    assert cells[70]["metadata"] == STRANGE["metadata"]
    assert cells[70]["extra_fields"] == {
        "never_documented": STRANGE["never_documented"],
        "also_new": "text",
    }


def test_a_second_run_leaves_the_first_runs_file_alone(
    pipelines: Callable[..., Pipelines],
) -> None:
    account = Account(make_events(50, seed=22))
    newest = max(event["timestamp"] for event in account.events())
    with FakeZendesk(account, rate_limit=None).serve() as url:
        meltano = pipelines(url)
        meltano.run("zendesk-to-csv")
        account.add(plain_event(7, newest + 1))
        meltano.run("zendesk-to-csv")

    first, second = rows_of(meltano.output_folder)
    assert len(first) == 50
    assert [row["id"] for row in second] == ["7"]


def test_json_lines_hold_every_event(pipelines: Callable[..., Pipelines]) -> None:
    events = [STRANGE, *make_events(50, seed=23)]
    with FakeZendesk(Account(events), rate_limit=None).serve() as url:
        meltano = pipelines(url)
        meltano.run("zendesk-to-jsonl")

    (path,) = meltano.output_folder.glob("ticket_events-*.jsonl")
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert {record["id"] for record in records} == {event["id"] for event in events}
    assert len(records) == len(events)
