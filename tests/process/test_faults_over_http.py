"""Each fault over real sockets, where requests and urllib3 have their own names for it."""

from __future__ import annotations

import json

import pytest

from tap_zendesk_events.tap import TapZendeskEvents
from tests.fake_zendesk import Account, FakeZendesk, Fault, make_events
from tests.support.harness import ListWriter, SimulatedClock

BEGIN = 1_761_955_200
HTML = "<html><body>Bad gateway</body></html>"


FAULTS = {
    "drop": Fault(on=3, kind="drop"),
    "drop five times": Fault(on=range(3, 8), kind="drop"),
    "drop in the body": Fault(on=3, kind="drop_in_body"),
    "truncated": Fault(on=3, kind="truncate"),
    "wrong length": Fault(on=3, kind="wrong_length"),
    "broken gzip": Fault(on=3, kind="broken_gzip"),
    "stall": Fault(on=3, kind="stall", seconds=5),
    "500 twice": Fault(on=(3, 4), status=500, body=HTML),
    "429": Fault(on=(3, 4), status=429, headers={"Retry-After": "1"}, body="Too many"),
    "200 with HTML": Fault(on=3, kind="edit_page", edit=lambda _: HTML.encode()),
    "200 and empty": Fault(on=3, kind="edit_page", edit=lambda _: b""),
}


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "length"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_passes_costs_nothing(name: str, chunked: bool) -> None:
    clock = SimulatedClock()
    events = make_events(450, seed=7, start=BEGIN, spread=86_400)
    fault = FAULTS[name]
    fault.struck = 0
    fake = FakeZendesk(
        Account(events),
        clock=clock.server_time,
        chunked=chunked,
        faults=[fault],
        rate_limit=(1000, 60.0),
    )
    writer = ListWriter()
    with fake.serve() as url:
        config = {
            "api_url": url,
            "access_token": "fake-access-token",
            "start_date": "2025-11-01",
            "page_size": 100,
            "request_timeout": 0.4,
        }
        tap = TapZendeskEvents(config=config, message_writer=writer)
        tap.clock = clock
        tap.sync_all()
    assert fault.struck
    records = [line for line in writer.lines if b'"type":"RECORD"' in line]
    written = sorted(json.loads(line)["record"]["id"] for line in records)
    assert written == sorted(event["id"] for event in events)
