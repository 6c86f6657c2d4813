"""What is said once, and not without end; and how deep a value nests."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zendesk_events.rows.values import WarnOnce, nests_too_deep
from tests.fake_zendesk import Account, Fault, plain_event
from tests.support.harness import BEGIN, SimulatedClock, a_fake, lines, run

LOG = logging.getLogger("test_values")


def warnings_of_a_run(names: int, caplog: pytest.LogCaptureFixture, **faults: Any) -> list[str]:
    event = {**plain_event(1, BEGIN), **{f"new_{n}": n for n in range(names)}}
    clock = SimulatedClock()
    fake = a_fake(Account([event]), clock, **faults)
    with caplog.at_level(logging.INFO):
        output = run(fake, clock, fails=None)
    if output.records:
        assert len(output.records[0]["extra_fields"]) == names
    return lines(caplog, "WARNING")


def test_three_thousand_new_fields_are_twenty_two_lines(caplog: pytest.LogCaptureFixture) -> None:
    said = warnings_of_a_run(3_000, caplog)
    assert len(said) == 22
    assert all(f"the field 'new_{number}', " in line for number, line in enumerate(said[:20]))
    assert said[20].startswith("There are more than 20 such warnings")
    assert said[21] == (
        "3000 different warnings of this kind, of which the first 20 are shown above."
    )


@pytest.mark.parametrize(("names", "said"), [(1, 1), (19, 19), (20, 20), (21, 22)])
def test_few_new_fields_are_named_one_by_one(
    names: int, said: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(warnings_of_a_run(names, caplog)) == said


def test_the_number_is_told_of_a_run_that_ends_early_too(caplog: pytest.LogCaptureFixture) -> None:
    edited = Fault(
        kind="edit_page",
        edit=lambda page: {**page, "end_of_stream": False, "end_time": BEGIN + 9},
    )
    said = warnings_of_a_run(25, caplog, faults=[edited, Fault(on=2, status=403, body="{}")])
    assert said[-1].startswith("25 different warnings")


def test_names_without_end_do_not_fill_the_memory(caplog: pytest.LogCaptureFixture) -> None:
    warn = WarnOnce(LOG)
    for number in range(WarnOnce.MOST_COUNTED + 500):
        warn(str(number), f"Zendesk sends {number}.")
    warn.sum_up()
    assert len(caplog.messages) == 22
    assert caplog.messages[-1].startswith("At least 10000 different warnings")
    assert len(warn._warned) == WarnOnce.MOST_COUNTED


def test_a_long_name_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    WarnOnce(LOG)("x", "x" * 100_000)
    assert len(caplog.messages[0]) == WarnOnce.LONGEST + 1


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=12,
)


def depth(value: Any) -> int:
    if isinstance(value, list | dict):
        inside = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth, inside), default=0)
    return 0


@given(json_values, st.integers(0, 6))
def test_how_deep_a_value_nests(value: Any, most: int) -> None:
    assert nests_too_deep(value, most) == (depth(value) > most)
