"""Memory does not grow with the number of events."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.fake_zendesk import FakeZendesk, big_account
from tests.support.cli import COMMAND, environment

MEGABYTE = 1024  # ru_maxrss is in kilobytes
ALLOWED = 10 * MEGABYTE


def peak_of_a_run(events: int, at_a_time: int = 1) -> int:
    """Return the most memory (kilobytes) that a run over so many events ever held."""
    fake = FakeZendesk(big_account(events), rate_limit=(1_000_000, 60.0), gzip=False)
    with fake.serve() as url:
        settings = {
            "api_url": url,
            "access_token": "fake-access-token",
            "start_date": "2023-11-14",
            "parallel_requests": str(at_a_time),
        }
        process = subprocess.Popen(
            [*COMMAND, "--config=ENV"],
            env=environment(settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout
        records = 0
        while chunk := process.stdout.read(1 << 20):
            records += chunk.count(b'"type":"RECORD"')
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    # a chunk may end in the middle of the text that is counted
    assert events * 0.999 <= records <= events
    return usage.ru_maxrss


@pytest.mark.parametrize("at_a_time", [1, 4])
def test_fifty_thousand_events_take_no_more_memory_than_ten_thousand(at_a_time: int) -> None:
    assert peak_of_a_run(50_000, at_a_time) - peak_of_a_run(10_000, at_a_time) < ALLOWED


@pytest.mark.soak
@pytest.mark.parametrize("at_a_time", [1, 4])
def test_a_million_events_take_no_more_memory_than_twenty_thousand(at_a_time: int) -> None:
    few, many = peak_of_a_run(20_000, at_a_time), peak_of_a_run(1_000_000, at_a_time)
    print(f"peak of 20,000 events: {few} kB; of 1,000,000: {many} kB")
    assert many - few < ALLOWED
