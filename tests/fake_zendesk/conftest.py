"""The time of the tests in this folder."""

from __future__ import annotations

import pytest

from tests.support.fake_requests import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()
