"""Records that need nothing of the SDK go out by a shorter way, to the same bytes.

So do events that fit their columns, which are not even decoded. Only the spelling of numbers and
of text in them may differ, where Zendesk's is another one than ours, and spaces between values.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_zendesk_events.singer import hooks, writer
from tap_zendesk_events.zendesk import page
from tap_zendesk_events.zendesk.decoding import decode
from tests.fake_zendesk import Account, Fault, make_events, make_metric_events, plain_event
from tests.support.harness import BEGIN, TIMES, ListWriter, SimulatedClock, SimulatedTap, a_fake
from tests.support.harness import CONFIG as PLAIN_CONFIG
from tests.support.selection import ALL_STREAMS, selecting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from singer_sdk import Stream

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "utc_now", lambda: NOON)
        patch.setattr("singer_sdk.streams.core.utc_now", lambda: NOON)
        yield


def bypasses_sdk(stream: Stream) -> bool:
    assert isinstance(stream, hooks.HookedStream)
    return stream.bypasses_sdk


def lines_of_a_run(
    account: Account, *, plain: bool, faults: Sequence[Fault] = (), **config: Any
) -> list[bytes]:
    """The lines of a run: by the short ways, or decoded in the general way and by the SDK's."""
    clock = SimulatedClock()
    writer = ListWriter()
    tap = SimulatedTap(
        config={**PLAIN_CONFIG, **config},
        catalog=selecting(*ALL_STREAMS),
        message_writer=writer,
    )
    tap.clock = clock
    tap.fake = a_fake(account, clock, faults=list(faults))
    with pytest.MonkeyPatch.context() as patch:
        if not plain:
            patch.setattr(hooks.HookedStream, "bypasses_sdk", False)
            patch.setattr(page, "decode_page", lambda body, _: decode(body))
        tap.sync_all()
    if plain:
        assert all(bypasses_sdk(stream) for stream in tap.streams.values())
    return writer.lines


def in_our_spelling(lines: list[bytes]) -> list[bytes]:
    """The same lines with all values as the tap writes what it has decoded."""
    return [msgspec.json.encode(msgspec.json.decode(line)) for line in lines]


def test_realistic_events_come_out_byte_for_byte() -> None:
    events = make_events(600, seed=4, start=BEGIN, spread=86_400, unknown_fields=True)
    clocks = make_metric_events(300, seed=4, start=BEGIN, spread=86_400)
    account = Account(events, metric_events=clocks)
    for include_comments in (False, True):
        plain = lines_of_a_run(account, plain=True, include_comments=include_comments)
        general = lines_of_a_run(account, plain=False, include_comments=include_comments)
        assert len(plain) > 2_000
        assert in_our_spelling(plain) == general
        # Python's JSON, which the fake writes with, spells very small numbers in another way
        others = [line for line, other in zip(plain, general, strict=True) if line != other]
        assert all(b":1e-07" in line for line in others)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4)
    | st.sampled_from(["2025-11-01T00:00:00Z", "2025-02-30T00:00:00Z", "2025-11-01"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
names = st.sampled_from(
    [
        "ticket_id", "created_at", "updater_id", "via", "system", "event_type", "child_events",
        "merged_ticket_ids", "metadata", "instance_id", "metric", "time", "type", "novelty",
        "extra_fields",
    ]
)  # fmt: skip


@settings(
    max_examples=80 * TIMES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.dictionaries(names, values, max_size=6), min_size=1, max_size=4))
def test_any_event_comes_out_byte_for_byte(changes: list[dict[str, Any]]) -> None:
    events = [plain_event(n, BEGIN + n, **fields) for n, fields in enumerate(changes, 1)]
    plain = lines_of_a_run(Account(events), plain=True)
    assert in_our_spelling(plain) == lines_of_a_run(Account(events), plain=False)


def as_lines(page: dict[str, Any]) -> bytes:
    return json.dumps(page, indent=1).encode()


def with_carriage_returns(page: dict[str, Any]) -> bytes:
    return json.dumps(page, separators=(",\r", ":\r")).encode()


def with_spaces(page: dict[str, Any]) -> bytes:
    return json.dumps(page, ensure_ascii=False, separators=(" , ", "\t: ")).encode()


def as_one_text(page: dict[str, Any]) -> bytes:
    return json.dumps(page).encode() + b"\r\n"


@pytest.mark.parametrize("write", [as_lines, with_carriage_returns, with_spaces, as_one_text])
def test_however_a_page_is_laid_out_a_record_is_a_line(
    write: Callable[[dict[str, Any]], bytes],
) -> None:
    events = make_events(60, seed=5, start=BEGIN, spread=86_400, unknown_fields=True)
    clocks = make_metric_events(30, seed=5, start=BEGIN, spread=86_400)
    account = Account(events, metric_events=clocks)
    laid_out = [
        Fault(kind="edit_page", edit=write, path_kind=k) for k in ("export", "metric_export")
    ]
    plain = lines_of_a_run(account, plain=True, faults=laid_out, include_comments=True)
    # by splitlines() of text, which knows more kinds of line breaks than the protocol
    assert all(len(line.decode().splitlines()) == 1 for line in plain)
    general = lines_of_a_run(account, plain=False, include_comments=True)
    assert in_our_spelling(plain) == general


@pytest.mark.parametrize(
    ("catalog", "config"),
    [
        (selecting(*ALL_STREAMS, without=("via", "attachments", "sla")), {}),
        (selecting(*ALL_STREAMS), {"flattening_enabled": True, "flattening_max_depth": 1}),
        (selecting(*ALL_STREAMS), {"stream_maps": {s: {"x": "1"} for s in ALL_STREAMS}}),
        (selecting(*ALL_STREAMS), {"stream_maps": {s: {"__alias__": "y"} for s in ALL_STREAMS}}),
    ],
    ids=["deselected", "flattened", "mapped", "renamed"],
)
def test_whoever_needs_the_sdk_gets_it(catalog: dict[str, Any], config: dict[str, Any]) -> None:
    tap = SimulatedTap(config={**PLAIN_CONFIG, **config}, catalog=catalog)
    assert not any(bypasses_sdk(stream) for stream in tap.streams.values())


def test_a_catalog_of_another_schema_takes_the_long_way() -> None:
    catalog = selecting("ticket_events")
    for stream in catalog["streams"]:
        stream["schema"]["properties"].pop("via", None)
    tap = SimulatedTap(config=dict(PLAIN_CONFIG), catalog=catalog)
    assert not bypasses_sdk(tap.streams["ticket_events"])
