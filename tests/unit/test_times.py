"""Moments in every form in which Zendesk, a header or a person writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zendesk_events.times import duration, epoch, http_date, iso, iso_seconds
from tests.support.harness import BEGIN

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    "value",
    [
        BEGIN,
        float(BEGIN),
        BEGIN + 0.9,
        str(BEGIN),
        f" {BEGIN}.5 ",
        "2025-11-01",
        "2025-11-01T00:00:00Z",
        "2025-11-01T00:00:00",
        "2025-11-01 00:00:00",
        "2025-11-01T00:00:00.999Z",
        "2025-11-01T02:00:00+02:00",
        "2025-10-31T19:00:00-05:00",
        "20251101T000000Z",
        "20251101",
        " 2025-W44-6 ",
        Decimal(BEGIN),
        Decimal(f"{BEGIN}.0"),
        Decimal(f"{BEGIN}.9"),
    ],
)
def test_one_moment_in_many_forms(value: Any) -> None:
    assert epoch(value) == BEGIN


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        "",
        "yesterday",
        "2025-13-01",
        "2025-02-30",
        "1e400",
        "NaN",
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1e400"),
        "1711121212345",  # milliseconds, which fromisoformat takes for a day of the year 1711
        "2025-11-01x00:00",
        "١٧٦١٩٥٥٢٠٠٠٠٠",
        float("nan"),
        float("inf"),
        1e300,
        -1,
        -0.5,
        "-1",
        10**20,
        [BEGIN],
        {"time": BEGIN},
    ],
)
def test_what_is_no_moment(value: Any) -> None:
    assert epoch(value) is None


@pytest.mark.parametrize(("text", "second"), [("20241345", 20_241_345), ("86400", 86_400)])
def test_digits_that_are_no_date_are_seconds(text: str, second: int) -> None:
    assert epoch(text) == second


@given(st.integers(0, 10**13))
def test_a_number_as_text_is_that_second_or_a_date_of_eight_digits(number: int) -> None:
    try:
        day = datetime.strptime(f"{number:08}", "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        day = None
    if day is not None and len(str(number)) == 8:
        assert epoch(str(number)) == (day.timestamp() if day.timestamp() >= 0 else None)
    else:
        assert epoch(str(number)) in {epoch(number), None}
        assert epoch(str(number)) == epoch(number) or number >= 10**12


@pytest.mark.parametrize(
    "text", ["1969-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_text_has_the_same_bounds_as_numbers(text: str) -> None:
    assert epoch(text) is None


@given(json_values)
def test_whatever_is_taken_for_a_moment_can_be_written_as_one(value: Any) -> None:
    second = epoch(value)
    if second is not None:
        assert epoch(iso(second)) == second


@given(st.datetimes(timezones=st.timezones() | st.just(UTC), min_value=datetime(1971, 1, 1)))  # noqa: DTZ001
def test_every_zone_is_understood(moment: datetime) -> None:
    assert epoch(moment.isoformat()) == int(moment.timestamp() // 1)


@given(st.integers(0, 253_402_300_799))
def test_writing_and_reading_are_inverse(second: int) -> None:
    assert epoch(iso(second)) == second


def test_a_broken_second_is_kept_by_iso_moment() -> None:
    assert iso_seconds("2025-11-01T00:00:00.25Z") == BEGIN + 0.25
    assert iso_seconds("1 November") is None


@given(st.datetimes(min_value=datetime(1900, 1, 1)), st.integers(-12, 14))  # noqa: DTZ001
def test_http_dates_are_read_in_any_zone(moment: datetime, hours: int) -> None:
    zoned = moment.replace(microsecond=0, tzinfo=timezone(timedelta(hours=hours)))
    assert http_date(format_datetime(zoned)) == int(zoned.timestamp())


def test_an_http_date_without_a_zone_is_utc() -> None:
    assert http_date("Sat, 01 Nov 2025 00:00:00 -0000") == BEGIN


@pytest.mark.parametrize(
    "text", [None, "", "soon", "120", "Sat, 99 Nov 2025 00:00:00 GMT", "\x00", "Sat, 01 Nov"]
)
def test_what_is_no_http_date(text: str | None) -> None:
    assert http_date(text) is None


@given(st.text())
def test_no_text_breaks_the_reader_of_http_dates(text: str) -> None:
    assert isinstance(http_date(text), int | None)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (1, "1 s"),
        (119, "119 s"),
        (120, "2 min"),
        (119.7, "2 min"),
        (3599, "60 min"),
        (7170, "2 h 0 min"),
        (12_000, "3 h 20 min"),
        (172_800, "2 d 0 h"),
        (180_000, "2 d 2 h"),
    ],
)
def test_a_span_reads_as_a_person_says_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text
