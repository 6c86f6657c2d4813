"""Whatever JSON or bytes come instead of a page: each event comes out once, or a sentence does."""

from __future__ import annotations

import copy
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tap_zendesk_events.times import epoch
from tests.fake_zendesk import Account, FakeZendesk, Fault, make_events, make_metric_events
from tests.support.cli import tap
from tests.support.harness import BEGIN, Output, SimulatedClock, a_fake, run
from tests.support.selection import ALL_STREAMS, rows, selecting

if TYPE_CHECKING:
    from collections.abc import Callable

FEW = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=2_000)

COUNT = 24
OPTIONS: dict[str, Any] = {
    "page_size": 5,
    "max_retry_seconds": 1,
    "catalog": selecting(*ALL_STREAMS),
}
ACCOUNT = Account(
    make_events(COUNT, seed=14, start=BEGIN, spread=1_500, unknown_fields=True, odd_text=True),
    metric_events=make_metric_events(COUNT, seed=14, start=BEGIN, spread=9_000),
)
LISTS = {"ticket_events": ACCOUNT.events(), "ticket_metric_events": ACCOUNT.metrics.events()}
KINDS = {"ticket_events": "export", "ticket_metric_events": "metric_export"}

numbers = (
    st.integers(-(2**65), 2**65)
    | st.integers(0, BEGIN - 1)
    | st.sampled_from([0, -1, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30])
    | st.floats()
)
words = st.text(max_size=12) | st.sampled_from(
    [
        "\0",
        "\ud83d",
        "2001-01-01T00:00:00Z",
        "2025-02-30T00:00:00Z",
        "2025-11-01T00:00:00+99:99",
        "9999-12-31T23:59:59Z",
        "0000-00-00T00:00:00Z",
        "1e999",
        "Comment",
        "Change",
        "id",
        "custom_ticket_fields",
    ]
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=8,
)
child_events = st.lists(
    values
    | st.dictionaries(
        st.sampled_from(["id", "event_type", "type", "body", "public", "via", "tags", "status"]),
        values | st.sampled_from(["Change", "Create", "Comment", "VoiceComment"]),
    ),
    max_size=4,
)
Path: TypeAlias = list[int | str]
NAMED: list[Path] = [
    ["id"],
    ["timestamp"],
    ["time"],
    ["created_at"],
    ["child_events"],
    ["child_events", 0, "id"],
]
steps: st.SearchStrategy[int | str] = st.integers(0, 50)
paths: st.SearchStrategy[Path] = st.lists(steps, max_size=5) | st.sampled_from(NAMED)


def replace_at(value: Any, path: Path, new: Any) -> Any:
    """The value with `new` at a place, at any depth; a number chooses among the keys there are."""
    if not path or not isinstance(value, dict | list) or not value:
        return new
    key: Any = path[0]
    if isinstance(key, str):
        if not isinstance(value, dict):
            return new
    else:
        key %= len(value)
        key = key if isinstance(value, list) else list(value)[key]
    changed = copy.copy(value)
    old = value.get(key) if isinstance(value, dict) else value[key]
    changed[key] = replace_at(old, path[1:], new)
    return changed


def has_integer_id(entry: Any) -> bool:
    identifier = entry.get("id") if isinstance(entry, dict) else None
    return type(identifier) is int and -(2**63) <= identifier < 2**63


def own_time(entry: Any) -> int | None:
    told = [epoch(entry.get(name)) for name in ("timestamp", "created_at", "time")]
    return next((moment for moment in told if moment is not None), None)


def ids(output: Output, stream: str) -> list[int]:
    return [row["id"] for row in rows(output, stream)]


def a_fake_with(edit: Callable[[dict[str, Any]], bytes], **when: Any) -> FakeZendesk:
    """A fake whose pages go through `edit`, those of each export by themselves."""
    faults = [Fault(kind="edit_page", edit=edit, path_kind=kind, **when) for kind in KINDS.values()]  # type: ignore[arg-type]
    return a_fake(ACCOUNT, SimulatedClock(), faults=faults)


def list_of(page: dict[str, Any]) -> str:
    return next(name for name in LISTS if name in page)


def unsure_ids(entries: list[Any], originals: list[dict[str, Any]]) -> set[int]:
    """Ids for which nothing is promised: of events that lie about their time, or share an id.

    The server sorts by the true time, which nobody can know if an event tells another one that
    might be true. Times that lie before everything, or that are no times at all, are seen through.
    """
    counted = Counter(entry["id"] for entry in entries if has_integer_id(entry))
    unsure = {identifier for identifier, times in counted.items() if times > 1}
    lies = False
    for entry, original in zip(entries, originals, strict=True):
        moment = own_time(entry) if isinstance(entry, dict) else None
        if moment is not None and moment >= BEGIN and moment != own_time(original):
            lies = True
            unsure |= {entry["id"]} if has_integer_id(entry) else set()
    if lies:  # who has no time borrows that of the event before, which may be a lie
        unsure |= {e["id"] for e in entries if has_integer_id(e) and own_time(e) is None}
    return unsure


def check_changed_events(changes: list[tuple[int, Path, Any]]) -> None:
    shown = {name: list(events) for name, events in LISTS.items()}
    for position, path, value in changes:
        for name in LISTS:
            shown[name][position] = replace_at(shown[name][position], path, value)
    by_id = {
        (name, event["id"]): entry
        for name, events in LISTS.items()
        for event, entry in zip(events, shown[name], strict=True)
    }

    hopeless: list[bool] = []

    def edit(page: dict[str, Any]) -> bytes:
        name = list_of(page)
        entries = [by_id[name, e["id"]] for e in page[name]]
        hopeless.append(len(entries) > 1 and not any(map(has_integer_id, entries)))
        return json.dumps({**page, name: entries}).encode()

    fake = a_fake_with(edit)
    clock = SimulatedClock()
    output = run(fake, clock, fails=None, **OPTIONS)
    assert (output.error is not None) == any(hopeless)
    if output.error:  # a page of which nothing can be stored stops the run
        assert "can be stored" in output.error
        return
    again = run(fake, clock, output.state, **OPTIONS)

    output.check_records()
    for name, events in LISTS.items():
        unsure = unsure_ids(shown[name], events)
        expected = {entry["id"] for entry in shown[name] if has_integer_id(entry)}
        written = Counter(ids(output, name) + ids(again, name))
        assert written.keys() <= expected
        assert expected - written.keys() <= unsure
        assert {identifier for identifier, times in written.items() if times > 1} <= unsure


event_changes = st.lists(
    st.tuples(st.integers(0, COUNT - 1), paths, values | child_events), min_size=1, max_size=5
)


def all_of_them(path: Path, value: Any) -> list[tuple[int, Path, Any]]:
    return [(position, path, value) for position in range(COUNT)]


@FEW
@given(event_changes)
@example([(3, ["id"], True), (5, ["id"], 2**70), (7, ["id"], 7.0), (9, ["id"], -1)])
@example(all_of_them(["id"], "926256957613"))
@example(all_of_them(["timestamp"], 1_000))
@example(all_of_them(["timestamp"], None) + all_of_them(["created_at"], None))
@example(all_of_them(["time"], "2001-01-01T00:00:00Z"))
def test_an_event_of_any_shape(changes: list[tuple[int, Path, Any]]) -> None:
    check_changed_events(changes)


@pytest.mark.soak
@MANY
@given(event_changes)
def test_many_events_of_any_shape(changes: list[tuple[int, Path, Any]]) -> None:
    check_changed_events(changes)


@st.composite
def bodies(draw: st.DrawFn) -> Callable[[dict[str, Any]], bytes]:
    """What comes instead of a page: made of the page, or of nothing."""
    kind = draw(st.sampled_from(["bytes", "json", "envelope", "list", "cut", "noise", "encoding"]))
    data, value, path = draw(st.binary(max_size=40)), draw(values), draw(paths)
    name = draw(st.sampled_from(["end_time", "next_page", "end_of_stream", "count"]))
    where = draw(st.floats(0, 1))
    encoding = draw(st.sampled_from(["utf-8-sig", "utf-16", "utf-32-be"]))

    def edit(page: dict[str, Any]) -> bytes:
        body = json.dumps(page).encode()
        at = int(len(body) * where)
        listed = list_of(page)
        return {
            "bytes": data,
            "json": json.dumps(value).encode(),
            "envelope": json.dumps({**page, name: value}).encode(),
            "list": json.dumps({**page, listed: replace_at(page[listed], path, value)}).encode(),
            "cut": body[:at],
            "noise": body[:at] + data + body[at + len(data) :],
            "encoding": body.decode().encode(encoding),
        }[kind]

    return edit


class Served:
    """Bodies that went out, and what a reader could not help but believe of them.

    Args:
        edit: Makes the bodies.
    """

    def __init__(self, edit: Callable[[dict[str, Any]], bytes]) -> None:
        self._edit = edit
        self.other_events = False
        self.other_end = False

    def edit(self, page: dict[str, Any]) -> bytes:
        body = self._edit(page)
        name = list_of(page)
        try:
            shown = json.loads(body.decode("utf-8-sig", errors="replace"), strict=False)
        except ValueError:
            return body
        if isinstance(shown, dict) and isinstance(shown.get(name), list):
            self.other_events |= shown[name] != page[name]
            self.other_end |= any(shown.get(n) != page[n] for n in ("end_time", "next_page"))
        return body


def check_changed_bodies(edit: Callable[[dict[str, Any]], bytes], turn: int, times: int) -> None:
    served = Served(edit)
    fake = a_fake_with(served.edit, on=range(turn, turn + times), times=times)
    clock = SimulatedClock()
    written: dict[str, Counter[int]] = {name: Counter() for name in LISTS}
    state: dict[str, Any] = {}
    for _ in range(2 * times + 2):
        output = run(fake, clock, state, fails=None, **OPTIONS)
        if output.error:
            assert output.error.endswith(".")
            assert "\n" not in output.error
            assert "<" not in output.error
        output.check_records()
        for name, counted in written.items():
            counted.update(ids(output, name))
        state = output.state or state
    assert output.error is None
    assert output.records == []
    for name, events in LISTS.items():
        if not served.other_events:
            assert max(written[name].values(), default=0) <= 1
            assert written[name].keys() <= {event["id"] for event in events}
            if not served.other_end:
                assert written[name].keys() == {event["id"] for event in events}


turns = st.integers(1, 4)
lengths = st.integers(1, 3)


@FEW
@given(bodies(), turns, lengths)
def test_a_body_of_any_kind(edit: Callable[[dict[str, Any]], bytes], turn: int, times: int) -> None:
    check_changed_bodies(edit, turn, times)


@pytest.mark.soak
@MANY
@given(bodies(), turns, lengths)
def test_many_bodies_of_any_kind(
    edit: Callable[[dict[str, Any]], bytes], turn: int, times: int
) -> None:
    check_changed_bodies(edit, turn, times)


DEPTHS = [10, 200, 500, 985, 20_000]


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("place", ['"updater_id":', '"child_events":', '"metric":'])
def test_json_of_any_depth_is_a_record_or_a_sentence(place: str, depth: int) -> None:
    def edit(page: dict[str, Any]) -> bytes:
        nest = "[" * depth + "]" * depth
        text = json.dumps(page, separators=(",", ":"))
        return text.replace(place, f'"deep":{nest},{place}', 1).encode()

    output = run(a_fake_with(edit), SimulatedClock(), fails=None, **OPTIONS)
    output.check_records()
    if depth <= 200:
        assert output.error is None
        assert all(sorted(ids(output, n)) == sorted(e["id"] for e in LISTS[n]) for n in LISTS)
    elif output.error:
        assert "nests too deep" in output.error


@pytest.mark.parametrize("depth", [600, *range(972, 996, 4)])
def test_what_can_just_be_read_but_not_be_written_is_a_sentence_too(depth: int) -> None:
    """Pages are read in a thread of their own, which has more room than the one that writes."""

    def edit(page: dict[str, Any]) -> bytes:
        nest = "[" * depth + "]" * depth
        text = json.dumps(page, separators=(",", ":"))
        return text.replace('"updater_id":', f'"deep":{nest},"updater_id":', 1).encode()

    fake = FakeZendesk(Account(make_events(9)), faults=[Fault(kind="edit_page", edit=edit)])
    with fake.serve() as url:
        settings = {"api_url": url, "access_token": "fake-access-token"}
        done = tap(settings={**settings, "start_date": "2023-11-14", "max_retry_seconds": "0"})
    errors = [line for line in done.stderr.splitlines() if "| ERROR" in line]
    assert "Traceback" not in done.stderr
    if done.returncode:
        assert len(errors) == 1
        assert "nests too deep to be" in errors[0]
        assert done.stdout.count('"RECORD"') == 0
    else:
        assert errors == []
        assert done.stdout.count('"RECORD"') == 9
