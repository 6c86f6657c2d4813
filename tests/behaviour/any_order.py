"""Runs whose pages come in any order, on simulated time."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from tap_zendesk_events.walk.segments import Segments
from tests.support.harness import (
    CONFIG,
    KilledError,
    ListWriter,
    Output,
    SimulatedClock,
    SimulatedTap,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    import pytest

    from tap_zendesk_events.zendesk.page import Page
    from tests.fake_zendesk import FakeZendesk


class AnyOrder:
    """Answers in any order; each page is as the account was at some moment while it was awaited.

    Args:
        fetch: Gets a page.
        rng: Decides.
        clock: Goes on now and then.
        at_a_time: Most pages that may be on their way.
    """

    def __init__(
        self,
        fetch: Callable[[int], Page | None],
        rng: random.Random,
        clock: SimulatedClock,
        at_a_time: int,
    ) -> None:
        self._fetch = fetch
        self._rng = rng
        self._clock = clock
        self._at_a_time = at_a_time
        self._asked: list[list[Any]] = []  # key, position, perhaps the page
        self._first = True

    def ask(self, key: Any, position: int) -> None:
        assert (key is None) == self._first, "the first page goes alone"
        self._first = False
        self._asked.append([key, position])
        assert len(self._asked) <= self._at_a_time
        if self._rng.random() < 0.5:
            self._answer(self._asked[-1])

    def take(self) -> tuple[Any, Page | None]:
        if self._rng.random() < 0.3:
            self._clock.sleep(self._rng.choice([1, 5]))
        self._rng.shuffle(self._asked)
        for asked in self._asked[: self._rng.randint(0, len(self._asked))]:
            self._answer(asked)
        taken = self._asked.pop()
        self._answer(taken)
        key, _, page = taken
        return key, page

    def close(self) -> None:
        self._asked.clear()

    def _answer(self, asked: list[Any]) -> None:
        if len(asked) == 2:
            asked.append(self._fetch(asked[1]))


class AnyOrderTap(SimulatedTap):
    """The tap on simulated time, with pages in any order."""

    rng: random.Random

    def fetcher(self, fetch: Callable[[int], Page | None]) -> Any:
        return AnyOrder(fetch, self.rng, self.clock, self.settings.parallel_requests)  # type: ignore[arg-type]


def run_in_any_order(
    fake: FakeZendesk,
    clock: SimulatedClock,
    rng: random.Random,
    state: dict[str, Any] | None = None,
    *,
    kill_after: int | None = None,
    catalog: dict[str, Any] | None = None,
    **settings: Any,
) -> tuple[Output, bool]:
    """Run the tap once; returns what it wrote, and whether it was killed."""
    writer = ListWriter(kill_after)
    config = {name: v for name, v in {**CONFIG, **settings}.items() if v is not None}
    copied = json.loads(json.dumps(state or {}))
    tap = AnyOrderTap(config=config, state=copied, catalog=catalog, message_writer=writer)
    tap.clock, tap.fake, tap.rng = clock, fake, rng
    killed = True
    with contextlib.suppress(KilledError):
        tap.sync_all()
        killed = False
    return Output([json.loads(line) for line in writer.lines]), killed


def count_cuts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list whose only number grows with each cut that is made from now on."""
    cuts = [0]
    original = Segments._cut

    def cut(self: Any) -> bool:
        made = original(self)
        cuts[0] += made
        return made

    monkeypatch.setattr(Segments, "_cut", cut)
    return cuts
