"""What the project knows of the exports as a document, and the test server's answers against it."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jsonschema
import pytest

from tap_zendesk_events.rows.schema import TICKET_EVENTS, TICKET_METRIC_EVENTS
from tests.fake_zendesk import Account, Request, make_events, make_metric_events
from tests.live.description import document, operation, unknown, validator
from tests.support.harness import BEGIN, NOW, SimulatedClock, a_fake, run
from tests.support.selection import ALL_STREAMS, selecting

if TYPE_CHECKING:
    from tests.fake_zendesk import FakeZendesk

TICKETS = "/api/v2/incremental/ticket_events"
METRICS = "/api/v2/incremental/ticket_metric_events"
ITEMS = {
    TICKETS: ("ticket_events", "TicketEvent"),
    METRICS: ("ticket_metric_events", "TicketMetricEvent"),
}
BEARER = "Bearer fake-access-token"


@pytest.fixture(scope="module")
def account() -> Account:
    events = make_events(
        3000,
        seed=9,
        start=BEGIN,
        spread=NOW - BEGIN,
        burst=(None, 40),
        ai_agents=0.2,
        odd_text=True,
    )
    clocks = make_metric_events(1000, seed=9, start=BEGIN, spread=NOW - BEGIN, events=events)
    return Account(events, metric_events=clocks)


def ask(fake: FakeZendesk, path: str, query: dict[str, Any], who: str = BEARER) -> tuple[int, Any]:
    target = f"{path}?{urlencode(query)}"
    answer = fake.handle(Request("GET", target, {"host": "fake", "authorization": who}))
    return answer.status, json.loads(answer.body)


def test_the_document_is_one() -> None:
    for schema in document()["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for path in ITEMS:
        statuses = operation(path)["responses"]
        assert {"200", "400", "401", "403", "422", "429"} == set(statuses)
        for status in statuses:
            validator(path, int(status))


def test_every_part_says_how_it_is_known() -> None:
    ways = {"recorded", "documented", "second-hand", "guessed", "made up"}

    def check(schema: dict[str, Any], place: str) -> None:
        if "$ref" not in schema:
            assert schema.get("x-evidence") in ways, place
        for name, inner in schema.get("properties", {}).items():
            check(inner, f"{place}.{name}")

    for name, schema in document()["components"]["schemas"].items():
        if name != "Error":
            check(schema, name)
    for path in ITEMS:
        assert all(each["x-evidence"] in ways for each in operation(path)["parameters"])


PAGES: list[tuple[str, dict[str, Any]]] = [
    (TICKETS, {}),
    (TICKETS, {"include": "comment_events"}),
    (TICKETS, {"support_type_scope": "ai_agent", "include": "comment_events"}),
    (TICKETS, {"support_type_scope": "all", "per_page": 1}),
    (f"{TICKETS}.json", {"per_page": 100}),
    (METRICS, {}),
    (METRICS, {"per_page": 7}),
]


@pytest.mark.parametrize(
    "options", [{}, {"last_page_end_time": "hold_back"}, {"page_rule": "capping"}]
)
@pytest.mark.parametrize(("path", "query"), PAGES)
def test_the_test_servers_pages_are_as_described(
    account: Account, path: str, query: dict[str, Any], options: dict[str, Any]
) -> None:
    fake = a_fake(account, SimulatedClock(), **options)
    name, schema = ITEMS[path.removesuffix(".json")]
    for start in (BEGIN, (BEGIN + NOW) // 2, NOW - 3600, NOW - 61):
        status, page = ask(fake, path, {"start_time": start, **query})
        validator(path, status).validate(page)
        assert not [found for event in page[name] for found in unknown(event, schema)]
    assert status == 200


@pytest.mark.parametrize("path", ITEMS)
@pytest.mark.parametrize(
    ("status", "query", "who", "options"),
    [
        (400, {}, BEARER, {}),
        (400, {}, BEARER, {"missing_start": "invalid"}),
        (400, {"start_time": "x"}, BEARER, {}),
        (401, {"start_time": 0}, "Bearer wrong", {}),
        (401, {"start_time": 0}, "Basic wrong", {}),
        (403, {"start_time": 0}, BEARER, {"non_admins": {"fake-access-token"}}),
        (422, {"start_time": NOW}, BEARER, {}),
        (400, {"start_time": NOW}, BEARER, {"too_recent": "400"}),
    ],
)
def test_its_errors_are_as_described(
    account: Account, path: str, status: int, query: dict[str, Any], who: str, options: Any
) -> None:
    fake = a_fake(account, SimulatedClock(), **options)
    told, content = ask(fake, path, query, who)
    assert told == status
    validator(path, status).validate(content)


@pytest.mark.parametrize("path", ITEMS)
def test_so_is_its_429(account: Account, path: str) -> None:
    fake = a_fake(account, SimulatedClock(), rate_limit=(1, 60.0), metric_shares_allowance=True)
    statuses = []
    for _ in range(2):
        status, content = ask(fake, path, {"start_time": 0, "per_page": 1})
        validator(path, status).validate(content)
        statuses.append(status)
    assert statuses == [200, 429]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("count",), "3"),
        (("end_of_stream",), None),
        (("end_time",), "2025-11-24"),
        (("ticket_events", 0, "id"), "77"),
        (("ticket_events", 0, "timestamp"), 1.5),
        (("ticket_events", 0, "created_at"), "2025-11-24"),
        (("ticket_events", 0, "via"), {"channel": "web"}),
        (("ticket_events", 0, "system", "latitude"), "52"),
        (("ticket_events", 0, "child_events"), {}),
        (("ticket_events", 0, "child_events", 0, "via"), 5),
        (("ticket_events", 0, "child_events", 0, "comment_present"), "yes"),
    ],
)
def test_another_type_would_be_seen(account: Account, place: tuple[Any, ...], value: Any) -> None:
    fake = a_fake(account, SimulatedClock())
    _, page = ask(fake, TICKETS, {"start_time": BEGIN, "per_page": 3})
    broken = copy.deepcopy(page)
    inner = broken
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    assert validator(TICKETS, 200).is_valid(page)
    assert not validator(TICKETS, 200).is_valid(broken)


@pytest.mark.parametrize("name", ["id", "ticket_id", "timestamp", "child_events"])
def test_a_key_that_is_missing_would_be_seen(account: Account, name: str) -> None:
    fake = a_fake(account, SimulatedClock())
    _, page = ask(fake, TICKETS, {"start_time": BEGIN, "per_page": 3})
    del page["ticket_events"][1][name]
    assert not validator(TICKETS, 200).is_valid(page)


def test_what_is_not_known_is_found_wherever_it_stands() -> None:
    event = {
        "id": 1,
        "event_type": "Audit",
        "queue": "x",
        "timestamp": "5",
        "system": {"planet": "earth"},
        "metadata": {"custom": {"anything": 1}, "flags_options": {"2": {}}},
        "child_events": [
            {"id": 2, "event_type": "SomethingOfTomorrow", "payload": {"any": 1}},
            {
                "id": 3,
                "event_type": "Sung",
                "attachments": [{"sound": [1]}],
                "data": {"pitch": 1.5},
            },
            {"id": 4, "event_type": "Change", "custom_ticket_fields": {"360": 1}, "data": None},
        ],
    }
    assert set(unknown(event, "TicketEvent")) == {
        ("", "key", "queue", "string"),
        ("timestamp", "type", "", "string"),
        ("system", "key", "planet", "string"),
        ("child_events[].event_type", "kind", "Sung", "string"),
        ("child_events[].attachments[]", "key", "sound", "array"),
        ("child_events[].data", "key", "pitch", "number"),
    }


def test_the_tap_sends_described_parameters_only(account: Account) -> None:
    clock = SimulatedClock()
    fake = a_fake(account, clock)
    run(fake, clock, catalog=selecting(*ALL_STREAMS), include_comments=True)
    asked = {(request.path, tuple(request.query.items())) for request in fake.log}
    assert {path for path, _ in asked} == set(ITEMS)
    for path, query in asked:
        described = {each["name"]: each for each in operation(path)["parameters"]}
        assert {each["name"] for each in described.values() if each["required"]} <= dict(
            query
        ).keys()
        for name, text in query:
            schema = described[name]["schema"]
            value = int(text) if schema.get("type") == "integer" else text
            jsonschema.Draft202012Validator(schema).validate(value)


@pytest.mark.parametrize("path", ITEMS)
def test_the_test_server_knows_every_parameter_that_is_described(
    account: Account, path: str
) -> None:
    fake = a_fake(account, SimulatedClock())
    usual = {"start_time": BEGIN + 400_000, "per_page": 200}
    _, plain = ask(fake, path, usual)
    for each in operation(path)["parameters"]:
        values = {"start_time": [BEGIN + 900_000], "per_page": [3]}
        for value in values.get(each["name"]) or each["schema"]["enum"]:
            _, page = ask(fake, path, {**usual, each["name"]: value})
            kept = dict(parse_qsl(urlsplit(page["next_page"]).query))
            if each["name"] != "start_time":
                assert kept[each["name"]] == str(value)
            is_default = (each["name"], value) == ("support_type_scope", "agent")
            name, _ = ITEMS[path]
            assert (page[name] == plain[name]) == is_default


def test_every_described_field_has_a_column() -> None:
    schemas = document()["components"]["schemas"]
    for name, columns in (
        ("TicketEvent", TICKET_EVENTS),
        ("TicketMetricEvent", TICKET_METRIC_EVENTS),
    ):
        assert schemas[name]["properties"].keys() <= columns["properties"].keys()
