"""The tables of targets are what was found, and the comparison sees faults."""

from __future__ import annotations

import copy
import json
import re
import sys
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.docs import DOCS, README, as_markdown, page
from tests.support.selection import ALL_STREAMS
from tests.targets import cases, hub, readers, report
from tests.targets.candidate import Candidate, Variant
from tests.targets.candidates import CANDIDATES
from tests.targets.cases import Case, Outcome, find_truth
from tests.targets.compare import EMPTY_TO_NULL, NULL_TO_EMPTY, Problem, Sent, compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.targets.cases import Truth
    from tests.targets.compare import Row

REPOSITORY = Path(__file__).resolve().parents[2]
FOUND = page("tests/targets/results.md").tables()[0]

BIG = 2**53 + 1
SENT = Sent(
    {
        "id": {"type": ["integer"]},
        "name": {"type": ["string"]},
        "text": {"type": ["string", "null"]},
        "author_id": {"type": ["integer", "null"]},
        "public": {"type": ["boolean", "null"]},
        "time": {"type": ["string", "null"], "format": "date-time"},
        "nested": {"type": ["object", "null"]},
    },
    ("id", "name"),
    [
        {
            "id": BIG + 2 * number,
            "name": "360000112233",
            "text": "two\nlines",
            "author_id": BIG,
            "public": True,
            "time": "2024-01-01T00:00:00Z",
            "nested": {"it's": [1, 2.5, None, True, {"a": "b"}]},
        }
        for number in range(3)
    ],
)


def stored(**change: Any) -> list[Row]:
    """Return the rows as they were sent, but for these columns of the last."""
    rows = copy.deepcopy(SENT.rows)
    rows[-1].update(change)
    return rows


def problems(rows: list[Row], **options: bool) -> list[str]:
    return [problem.what for problem in compare(SENT, rows, **options).problems]


# The table


def test_the_docs_have_the_table_that_was_found() -> None:
    head, *body = FOUND
    useful = [head, *(row for row in body if any(cell.startswith(report.USEFUL) for cell in row))]
    assert 5 < len(useful) < len(FOUND)
    found = DOCS["targets"].table("Target")
    assert found == useful, f"docs/targets.md should hold:\n\n{as_markdown(useful)}"


def test_the_readme_has_five_of_them() -> None:
    """Each with one of the settings that work, and what the tap by itself then does.

    They are those that `meltano add` installs, and whether the service was there is told.
    """
    _, *shown = README.table("Target")
    assert len(shown) == 5
    for name, settings, nested, again in shown:
        (found,) = (
            row
            for row in FOUND
            if row[0].startswith(name.partition(",")[0]) and settings in row[2].split("; or ")
        )
        assert found[1] == "listed first"
        assert name.partition(", ")[2] == re.sub(r"^.*\(\d+\)(, )?", "", found[0])
        assert re.split(r": |;", found[3])[:2] == [report.USEFUL["offline" in name], nested]
        assert found[5] == again


def test_the_most_used_databases_and_files_come_first() -> None:
    first = dict.fromkeys(row[0].split("`")[1] for row in FOUND[1:])
    assert list(first)[:5] == [
        "meltanolabs-target-postgres",
        "meltanolabs-target-snowflake",
        "z3z1ma/target-bigquery",
        "MeltanoLabs/target-duckdb",
        "Automattic/target-parquet",
    ]


def test_the_docs_say_when_the_hub_listed_them_so() -> None:
    assert report.in_words(date.fromisoformat(hub.AS_OF)) in DOCS["targets"].text


def test_what_meltano_hub_lists_first_is_tried() -> None:
    tried = {c.command: c.variant for c in CANDIDATES if hub.is_listed_first(c)}
    assert tried == hub.LISTED_FIRST


@pytest.mark.parametrize("text", [README.text, DOCS["targets"].text], ids=["README", "docs"])
def test_advice_on_another_variant_says_whose_it_is(text: str) -> None:
    """`duckdb<1.3` is for jwills' target; another one has its name, and needs no such thing."""
    first = {need for c in CANDIDATES if hub.is_listed_first(c) for need in c.beside}
    others = [c for c in CANDIDATES if c.variant and set(c.beside) - first]
    assert others
    for paragraph in re.split(r"\n\n|\n(?=\|)", text):
        for other in others:
            if any(requirement in paragraph for requirement in set(other.beside) - first):
                assert f"`{other.variant}`" in paragraph, paragraph


def test_versions_in_the_docs_are_those_that_were_installed() -> None:
    told = re.findall(r"`([\w-]+)`\s+with\s+`([\w-]+==[\w.]+)`", DOCS["targets"].text)
    assert told
    for plugin, pin in told:
        (used,) = (c for c in CANDIDATES if c.command == plugin and hub.is_listed_first(c))
        assert pin in used.pins.read_text(encoding="utf-8").splitlines()


def test_every_candidate_is_in_the_table() -> None:
    assert {report.target(candidate) for candidate in CANDIDATES} == {row[0] for row in FOUND[1:]}


def test_the_loaders_of_meltano_yml_are_tried() -> None:
    project = yaml.safe_load((REPOSITORY / "meltano.yml").read_text(encoding="utf-8"))
    tried = {candidate.name: candidate.version for candidate in CANDIDATES}
    for loader in project["plugins"]["loaders"]:
        name, version = loader["pip_url"].split("~=")
        assert tried[name].rpartition(".")[0] == version.rpartition(".")[0]


# The comparison


def test_rows_as_they_were_sent_are_fine_in_any_order() -> None:
    assert problems(stored()[::-1]) == []


@pytest.mark.parametrize(
    "change",
    [
        {"id": Decimal(BIG + 4), "author_id": Decimal(BIG)},
        {"id": str(BIG + 4), "author_id": str(BIG), "public": "True"},
        {"public": 1},
        {"time": "2024-01-01 01:00:00+01:00"},
        {"time": "2024-01-01T00:00:00"},
        {"nested": json.dumps(SENT.rows[-1]["nested"])},
        {"_sdc_batched_at": "2024-01-01"},
    ],
)
def test_other_ways_to_store_the_same_are_fine(change: Row) -> None:
    assert problems(stored(**change)) == []


def test_a_lost_row_is_noticed() -> None:
    assert compare(SENT, stored()[1:]).problems == [Problem("rows missing", times=1)]
    assert compare(SENT, []).problems == [Problem("rows missing", times=3)]


def test_a_doubled_row_is_noticed() -> None:
    rows = stored()
    assert problems([*rows, rows[0]]) == ["rows there more than once"]


def test_a_row_that_was_never_sent_is_noticed() -> None:
    assert problems([*stored(), {**SENT.rows[0], "id": 5}]) == ["rows that were never sent"]


@pytest.mark.parametrize("wrong", [2.0**53, 2**53, str(2**53), str(2.0**53), Decimal(2**53)])
def test_a_rounded_id_is_noticed(wrong: Any) -> None:
    assert problems(stored(author_id=wrong)) == ["integers rounded"]


def test_a_rounded_key_is_noticed() -> None:
    (first, *_) = SENT.rows
    found = problems([{**first, "id": float(first["id"])}, *stored()[1:]])
    assert "integers rounded" in found


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"author_id": 1}, "integers changed"),
        ({"author_id": True}, "integers changed"),
        ({"author_id": None}, "null instead of a value"),
        ({"text": "two lines"}, "text changed"),
        ({"text": "two\\nlines"}, "line breaks in text become `\\n`"),
        ({"text": ""}, "text changed"),
        ({"public": False}, "booleans changed"),
        ({"public": "yes"}, "booleans changed"),
        ({"time": "2024-01-01T01:00:00Z"}, "date-times changed"),
        ({"time": "yesterday"}, "no date-times"),
        ({"nested": str(SENT.rows[-1]["nested"])}, "nested columns in Python's notation"),
        (
            {"nested": str({"it's": [1, Decimal("2.5"), None, True, {"a": "b"}]})},
            "nested columns in Python's notation",
        ),
        ({"nested": "{"}, "nested columns not JSON"),
        ({"nested": {"it's": [1, 2.5, None, 1, {"a": "b"}]}}, "nested columns changed"),
        ({"nested": '{"it\'s": []}'}, "nested columns changed"),
        (
            {"nested": json.dumps(json.dumps(SENT.rows[-1]["nested"]))},
            "nested columns JSON inside of JSON text",
        ),
    ],
)
def test_a_changed_value_is_noticed(change: Row, what: str) -> None:
    (name,) = change
    assert compare(SENT, stored(**change)).problems == [Problem(what, (name,), 1)]


def test_a_column_that_is_not_stored_is_noticed() -> None:
    rows = [{name: value for name, value in row.items() if name != "text"} for row in SENT.rows]
    assert compare(SENT, rows).problems == [Problem("columns not stored", ("text",))]


def test_null_and_empty_text_are_the_same_only_where_the_format_has_no_null() -> None:
    empty = Sent(SENT.properties, SENT.key, stored(text="", author_id=None))
    as_csv = stored(text="", author_id="")
    assert compare(empty, as_csv).problems == [Problem("null became something", ("author_id",), 1)]
    found = compare(empty, as_csv, empty_is_null=True)
    assert (found.problems, found.blurred) == ([], True)
    listless = Sent(SENT.properties, SENT.key, stored(nested=None))
    assert compare(listless, stored(nested=[])).problems == [Problem(NULL_TO_EMPTY, ("nested",), 1)]
    without = stored(text=None, author_id=None)
    assert compare(empty, without).problems == [Problem(EMPTY_TO_NULL, ("text",), 1)]


# The verdicts


def outcome(**wrong: list[Problem]) -> Outcome:
    streams = {stream: wrong.get(stream, []) for stream in ALL_STREAMS}
    return Outcome(streams=streams, nested={"JSON"}, second=wrong.get("second", []))


def test_verdicts() -> None:
    lost = Problem("rows missing", times=2)
    assert report.verdict(outcome()) == "works: JSON"
    empty = Problem(EMPTY_TO_NULL, ("body",), 1)
    assert report.verdict(outcome(ticket_events=[empty])) == f"works: JSON; {EMPTY_TO_NULL}"
    assert report.verdict(outcome(), offline=True) == "sends everything: JSON"
    some = outcome(ticket_events=[lost], ticket_comments=[lost])
    assert report.verdict(some) == (
        "only `ticket_field_changes`, `ticket_metric_events`; in the others: rows missing"
    )
    assert report.verdict(outcome(**{name: [lost] for name in ALL_STREAMS})) == "no: rows missing"
    later = outcome(second=[Problem("each run removes everything")])
    assert report.verdict(later) == "first run only: JSON; each run removes everything"
    failed = Outcome(error="OSError: /a/b/c.py | d")
    assert report.verdict(failed) == "no: `OSError: c.py / d`"
    assert report.verdict(Outcome(missing="psycopg2")) == "cannot be installed: `psycopg2`"


# Whole cases, with targets of a few lines

TARGET = """\
#!{python}
import json, pathlib, sys
config = json.loads(pathlib.Path(sys.argv[2]).read_text())
state, number = None, 0
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "STATE":
        state = message["value"]
    if message["type"] == "RECORD":
        number += 1
        path = pathlib.Path(config["folder"], message["stream"] + ".jsonl")
        with path.open("w" if config.get("forgets") and number == 1 else "a") as file:
            if not (config.get("loses") and number == 7):
                file.write(json.dumps(message["record"]) + "\\n")
if config.get("fails"):
    raise ValueError("something")
print(json.dumps({{}} if config.get("stateless") else state))
"""


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """What the tap sends."""
    return find_truth(tmp_path_factory.mktemp("truth"))


@pytest.fixture
def try_target(
    tmp_path: Path, truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Outcome]:
    """Try the little target, with settings that make it do something wrong."""
    monkeypatch.setattr(cases, "A_SECOND", 0)  # its files have no time in their names

    def run(*, flatten: bool = False, **shown: bool) -> Outcome:
        script = tmp_path / "little-target"
        script.write_text(TARGET.format(python=sys.executable), encoding="utf-8")
        script.chmod(0o755)
        variant = Variant(
            shown,
            lambda place: {"folder": str(place.folder / "stored")},
            partial(readers.json_files, pattern="stored/*.jsonl"),
        )
        candidate = Candidate("little", "1", 2026, script.name, (variant,))
        case = Case(candidate, variant, tmp_path, truth, flatten=flatten)
        return case.run(tmp_path / "case", None)

    return run


def test_a_target_that_keeps_everything_works(try_target: Callable[..., Outcome]) -> None:
    found = try_target(flatten=True)
    assert report.verdict(found) == "works: JSON text"
    assert found.again == "a second row"


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("loses", "in the others: rows missing"),
        ("fails", "no: `ValueError: something`"),
        ("stateless", "writes no state: each run begins at `start_date`"),
    ],
)
def test_a_target_with_a_fault_does_not(
    try_target: Callable[..., Outcome], fault: str, says: str
) -> None:
    assert says in report.verdict(try_target(**{fault: True}))
