"""Starts the fake Zendesk by itself: ``python -m tests.fake_zendesk``."""

from __future__ import annotations

import argparse
import random
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from .account import Account, big_account
from .credentials import ACCESS_TOKEN, API_TOKEN, CLIENT
from .events import Event, EventMaker, make_events
from .metric_events import make_metric_events
from .pace import Pace
from .server import FakeZendesk

# Above this the history is made while it is read; its events are plainer then.
_MOST_IN_MEMORY = 100_000

_ENVIRONMENT = """\
{count} ticket events and {metric_count} ticket metric events from {first} to now are served at

    {url}

To run the tap against it:

    export TAP_ZENDESK_EVENTS_API_URL={url}
    export TAP_ZENDESK_EVENTS_START_DATE={first}
    export TAP_ZENDESK_EVENTS_CLIENT_ID={client_id}
    export TAP_ZENDESK_EVENTS_CLIENT_SECRET={client_secret}
    .venv/bin/tap-zendesk-events --config=ENV

Also accepted: the access token {access_token}, and {email} with the API token {api_token}.
Numbers to compare with: {url}/fake/stats
Ctrl-C stops it."""


def main(arguments: list[str] | None = None) -> None:
    """Serve until a signal comes."""
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    now = int(time.time())
    start = now - int(options.days * 86_400)
    account = _account(options, start, now - start)
    fake = FakeZendesk(
        account,
        page_rule=options.page_rule,
        last_page_end_time=options.last_page_end_time,
        hold_back=options.hold_back,
        rate_limit=None if options.no_rate_limit else options.rate_limit,
        rate_window=options.rate_window,
        gzip=options.gzip,
        chunked=options.chunked,
        page_seconds=Pace(
            options.page_seconds, options.event_seconds, options.page_spread, options.seed
        ),
        sleep=stop.wait,
    )
    with fake.serve(options.port) as url:
        print(_banner(url, account, start), flush=True)
        if options.ready_file:
            _write_whole(options.ready_file, url)
        _live(account, stop, options)
    print("Stopped.", flush=True)


def _account(options: argparse.Namespace, start: int, spread: int) -> Account:
    if options.metric_events is None:
        options.metric_events = min(options.events, _MOST_IN_MEMORY) // 3
    if options.events <= _MOST_IN_MEMORY:
        events = make_events(
            options.events,
            seed=options.seed,
            start=start,
            spread=spread,
            burst=(None, options.burst),
            unknown_fields=options.unknown_fields,
            ai_agents=options.ai_agents,
        )
        metric_events = _metric_events(options, start, spread, events)
        return Account(events, options.seed, metric_events)
    steady = options.events - options.burst
    account = big_account(steady, start, steady / max(spread, 1), options.seed)
    for event in make_events(options.burst, options.seed, start + spread // 2, spread=1):
        account.add(event)
    for event in _metric_events(options, start, spread, None):
        account.add_metric_event(event)
    return account


def _metric_events(
    options: argparse.Namespace, start: int, spread: int, events: list[Event] | None
) -> list[Event]:
    return make_metric_events(options.metric_events, options.seed, start, spread, events=events)


def _live(account: Account, stop: threading.Event, options: argparse.Namespace) -> None:
    """Wait for the end; meanwhile things go on happening in the account, if asked for."""
    maker = EventMaker(f"live {options.seed}")
    rng = random.Random(options.seed)
    while not stop.wait(options.live):
        now = time.time()
        visible_at = now + options.hold_back + rng.uniform(0, options.late)
        account.add(maker.event(int(now)), visible_at)


def _banner(url: str, account: Account, start: int) -> str:
    return _ENVIRONMENT.format(
        url=url,
        count=f"{len(account):,}",
        metric_count=f"{len(account.metrics):,}",
        first=datetime.fromtimestamp(start, UTC).date(),
        client_id=CLIENT[0],
        client_secret=CLIENT[1],
        access_token=ACCESS_TOKEN,
        email=API_TOKEN[0],
        api_token=API_TOKEN[1],
    )


def _write_whole(path: Path, text: str) -> None:
    """So that whoever waits for the file never reads half of it."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(f"{text}\n", encoding="utf-8")
    part.replace(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fake_zendesk",
        description="A test server that answers like Zendesk's incremental ticket event exports.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    add("--events", type=int, default=5000, help="how many events the account has at the start")
    add("--metric-events", type=int, metavar="N", help="metric events; else a third of that")
    add("--days", type=float, default=30, help="how many days, up to now, they are spread over")
    add("--seed", type=int, default=1, help="another seed makes another account")
    add("--burst", type=int, default=0, help="how many of the events fall into one second")
    add("--unknown-fields", action="store_true", help="a few events carry undocumented fields")
    add("--ai-agents", type=float, default=0, metavar="SHARE", help="of tickets, from 0 to 1")
    add("--live", type=_seconds, metavar="SECONDS", help="add an event every so many seconds")
    add("--late", type=float, default=0, metavar="SECONDS", help="live events show up to this late")
    add(
        "--page-rule",
        choices=("growing", "capping"),
        default="growing",
        help="what a crowded second does",
    )
    add(
        "--last-page-end-time",
        choices=("last_event", "hold_back"),
        default="last_event",
        help="on the last page",
    )
    add("--hold-back", type=int, default=60, metavar="SECONDS", help="age at which events show")
    add(
        "--rate-limit",
        type=_rate_limit,
        default="10/60",
        metavar="REQUESTS/SECONDS",
        help="the allowance",
    )
    add("--no-rate-limit", action="store_true", help="answer any number of requests")
    add(
        "--rate-window",
        choices=("aligned", "first_request"),
        default="aligned",
        help="where its windows begin: with the clock's minutes, or with a request",
    )
    add("--no-gzip", dest="gzip", action="store_false", help="do not compress bodies")
    add(
        "--no-chunked",
        dest="chunked",
        action="store_false",
        help="send bodies whole, with a Content-Length",
    )
    add(
        "--page-seconds",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long each page takes; others are answered meanwhile",
    )
    add(
        "--event-seconds",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long each event on a page takes besides",
    )
    add(
        "--page-spread",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="by how much of that time a page is faster or slower at random, from 0 to 1",
    )
    add(
        "--ready-file",
        "--port-file",
        type=Path,
        metavar="PATH",
        help="write the URL here when ready",
    )
    return parser


def _rate_limit(text: str) -> tuple[int, float]:
    try:
        total, period = text.split("/")
        limit = int(total), float(period)
    except ValueError:
        raise argparse.ArgumentTypeError("write it like 10/60: requests/seconds") from None
    if limit[0] < 1 or limit[1] <= 0:
        raise argparse.ArgumentTypeError("both numbers must be above 0")
    return limit


def _seconds(text: str) -> float:
    seconds = float(text)
    if seconds <= 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return seconds


if __name__ == "__main__":
    main()
