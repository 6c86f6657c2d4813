"""The tap: what it says when it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fake_zendesk import Account, FakeZendesk, make_events
from tests.support.harness import SimulatedClock, run
from tests.support.selection import selecting

if TYPE_CHECKING:
    import pytest


def test_a_catalog_that_selects_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeZendesk(Account(make_events(10)))
    output = run(fake, SimulatedClock(), catalog=selecting())
    assert not [message for message in output.messages if message["type"] == "RECORD"]
    assert not fake.export_requests
    (warning,) = (r.getMessage() for r in caplog.records if r.levelname == "WARNING")
    assert warning.startswith("No stream is selected, so nothing is exported")

    caplog.clear()
    run(fake, SimulatedClock(), catalog=selecting("ticket_events"))
    assert "WARNING" not in {record.levelname for record in caplog.records}
