"""A refresh token is good for one use: it is unspent, or its successor is in the file."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.zendesk.token_file import RESERVED, LockedTokenFile, TokenFile, TokenPair
from tests.fake_zendesk import Account, FakeZendesk, Fault, LoggedRequest, make_events
from tests.support import mounts
from tests.support.cli import COMMAND, environment
from tests.support.harness import BEGIN, CLIENT, SimulatedClock, a_fake, on_token, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST = "fake-refresh-token"
PAIR = TokenPair("an-access-token", "a-refresh-token", None, "an-account", "an-origin")
NO_SPACE = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


def settings_of(cache: Path, **more: Any) -> dict[str, Any]:
    tokens = {"access_token": None, **CLIENT, "refresh_token": FIRST, "oauth_cache": str(cache)}
    return {**tokens, **more}


def an_account(**options: Any) -> FakeZendesk:
    return FakeZendesk(Account(make_events(30)), rate_limit=None, **options)


def simulated(clock: SimulatedClock, **options: Any) -> FakeZendesk:
    return a_fake(Account(make_events(30, seed=1, start=BEGIN, spread=86_400)), clock, **options)


def kept(text: str) -> str:
    """The refresh token in a file of tokens."""
    token: str = json.loads(text)["refresh_token"]
    return token


def check_nothing_lost(fake: FakeZendesk, file: Path) -> None:
    """The one refresh token that works is in the file, or nobody has spent the first one."""
    (works,) = fake.credentials.refresh_tokens
    assert works == FIRST or kept(file.read_text()) == works


def start(url: str, cache: str, command: list[str] = COMMAND, **more: str) -> Any:
    settings = {
        "api_url": url,
        **CLIENT,
        "refresh_token": FIRST,
        "oauth_cache": cache,
        "start_date": "2023-11-14",
        **more,
    }
    return subprocess.Popen(
        [*command, "--config=ENV"],
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def nobody_waiting(path: Path) -> Iterator[LockedTokenFile]:
    with TokenFile(str(path)).locked(lambda: pytest.fail("nobody has the lock")) as file:
        yield file


# A symbolic link


@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to no file yet"])
def test_a_link_stays_and_what_it_points_to_gets_the_tokens(tmp_path: Path, there: bool) -> None:
    volume, image = tmp_path / "volume", tmp_path / "image"
    volume.mkdir()
    image.mkdir()
    cache = image / "tokens.json"
    cache.symlink_to(Path("..") / "volume" / "tokens.json")
    if there:
        (volume / "tokens.json").touch()
    clock = SimulatedClock()
    fake = simulated(clock)
    for _ in range(3):
        run(fake, clock, **settings_of(cache))
        assert cache.is_symlink()
        check_nothing_lost(fake, volume / "tokens.json")
        clock.time += 3600
    assert len(fake.tokens_issued) == 3
    assert fake.credentials.refused_grants == 0
    assert [path.name for path in tmp_path.glob("*/*")] == ["tokens.json"] * 2


def test_links_that_lead_nowhere_are_one_sentence(cache: Path) -> None:
    cache.symlink_to(cache)
    clock = SimulatedClock()
    fake = simulated(clock)
    with pytest.raises(ZendeskEventsError, match="cannot be read and written"):
        run(fake, clock, **settings_of(cache))
    assert fake.log == []


# A file that is mounted by itself


needs_mounts = pytest.mark.skipif(mounts.lacking() is not None, reason=str(mounts.lacking()))


@needs_mounts
@pytest.mark.parametrize("read_only", [False, True], ids=["", "in a read-only image"])
def test_a_file_mounted_by_itself_gets_the_tokens(tmp_path: Path, read_only: bool) -> None:
    # as with `docker run --volume tokens.json:/app/tokens.json`, also with --read-only
    outside, folder = tmp_path / "outside.json", tmp_path / "image"
    folder.mkdir()
    inside = folder / "tokens.json"
    outside.touch(mode=0o640)
    inside.touch()
    mount = f"mount --bind {outside} {inside}"
    if read_only:
        mount = f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder} && {mount}"
    fake = an_account(clients={tuple(CLIENT.values()): {"expires_in": 1}})
    fake.faults = [Fault(kind="slow", seconds=1.1)]
    with fake.serve() as url:
        for number in (1, 2):
            process = start(url, str(inside), mounts.within(mount, COMMAND))
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
            assert len(fake.tokens_issued) == number
            check_nothing_lost(fake, outside)
            assert outside.stat().st_size < 1000
            assert stat.S_IMODE(outside.stat().st_mode) == 0o600
    assert inside.read_bytes() == b""
    assert fake.credentials.refused_grants == 0


def cannot(error: int) -> Callable[..., None]:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(error, os.strerror(error))

    return fail


@pytest.mark.parametrize("step", ["replace", "make another"])
def test_a_file_that_cannot_be_replaced_gets_the_tokens_too(
    cache: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same without mounts."""
    cache.touch(mode=0o640)
    before = cache.stat().st_ino
    if step == "replace":
        monkeypatch.setattr(Path, "replace", cannot(errno.EBUSY))
    else:
        monkeypatch.setattr(tempfile, "mkstemp", cannot(errno.EROFS))
    clock = SimulatedClock()
    fake = simulated(clock)
    for number in range(1, 4):
        run(fake, clock, **settings_of(cache))
        assert len(fake.tokens_issued) == number
        check_nothing_lost(fake, cache)
        clock.time += 3600
    assert fake.credentials.refused_grants == 0
    assert cache.stat().st_ino == before
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]


def test_a_file_written_in_place_holds_a_whole_pair_at_any_moment(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "replace", cannot(errno.EBUSY))
    seen: list[str] = []

    def looking(call: Any) -> Any:
        def look(descriptor: int, *rest: Any) -> Any:
            done = call(descriptor, *rest)
            if os.path.samestat(os.fstat(descriptor), cache.stat()):
                seen.append(cache.read_text())
            return done

        return look

    short, long = PAIR, TokenPair("a" * 900, "r" * 900, 1.5, "an-account", "an-origin")
    for pair in (long, short, long):
        with nobody_waiting(cache) as file:
            for name in ("pwrite", "fsync", "ftruncate"):
                monkeypatch.setattr(os, name, looking(getattr(os, name)))
            file.rehearse()
            file.write(pair)
    texts = [text for text in seen if text.strip()]
    assert len(texts) > 9
    for text in texts:
        assert TokenPair(**json.loads(text)) in {short, long}


# A full disk


@needs_mounts
def test_on_a_full_file_system_no_token_is_spent(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    fill = f"mount -t tmpfs -o size=64k none {folder}; head -c 50k /dev/zero > {folder}/rest"
    fake = an_account()
    with fake.serve() as url:
        process = start(url, f"{folder}/tokens.json", mounts.within(fill, COMMAND))
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "cannot be read and written (No space left on device)" in errors
    assert fake.log == []


@needs_mounts
def test_a_file_system_that_fills_up_in_the_meantime_keeps_the_new_pair(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    content: list[str] = []
    process: Any = None

    def fill(request: LoggedRequest) -> bool:
        seen = Path(f"/proc/{process.pid}/root{folder}")
        if on_token(request):
            with contextlib.suppress(OSError), (seen / "rest").open("wb", 0) as rest:
                while True:
                    rest.write(bytes(1024))
        elif not content:
            content.append((seen / "tokens.json").read_text())
        return False

    fake = an_account(faults=[Fault(on=fill)])
    with fake.serve() as url:
        mount = f"mount -t tmpfs -o size=256k none {folder}"
        process = start(url, f"{folder}/tokens.json", mounts.within(mount, COMMAND))
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert {kept(content[0])} == fake.credentials.refresh_tokens != {FIRST}


def test_where_a_file_may_not_grow_no_token_is_spent(cache: Path) -> None:
    """The same without mounts: a limit of the file's size takes the place of the full disk."""
    fake = an_account()
    with fake.serve() as url:
        limited = ["sh", "-c", 'ulimit -f 8; exec "$@"', "sh", *COMMAND]
        process = start(url, str(cache), limited)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "cannot be read and written (File too large)" in errors
    assert fake.log == []
    assert list(cache.parent.iterdir()) == []


def test_a_disk_that_fills_up_in_the_meantime_does_not_matter(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same without mounts: from the token request on no file can be made, none can grow."""
    size_at_request: list[int] = []
    real = os.pwrite

    def within_its_size(descriptor: int, data: bytes, offset: int) -> int:
        if offset + len(data) > os.fstat(descriptor).st_size:
            raise NO_SPACE
        return real(descriptor, data, offset)

    def fill(request: LoggedRequest) -> bool:
        if on_token(request):
            size_at_request.append(cache.stat().st_size)
            monkeypatch.setattr(tempfile, "mkstemp", cannot(errno.ENOSPC))
            monkeypatch.setattr(os, "pwrite", within_its_size)
        return False

    clock = SimulatedClock()
    fake = simulated(clock, faults=[Fault(on=fill)])
    run(fake, clock, **settings_of(cache))
    assert size_at_request == [RESERVED]
    check_nothing_lost(fake, cache)
    assert fake.credentials.refresh_tokens != {FIRST}


def test_a_disk_that_breaks_in_the_meantime_is_told_as_it_is(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_it(request: LoggedRequest) -> bool:
        if on_token(request):
            monkeypatch.setattr(tempfile, "mkstemp", cannot(errno.EIO))
            monkeypatch.setattr(os, "pwrite", cannot(errno.EIO))
        return False

    clock = SimulatedClock()
    fake = simulated(clock, faults=[Fault(on=break_it)])
    with pytest.raises(ZendeskEventsError, match="new pair of tokens cannot be kept") as caught:
        run(fake, clock, **settings_of(cache))
    assert "no longer works" in str(caught.value)
    assert "No token has been spent" not in str(caught.value)


# Two accounts, two clients


@pytest.mark.parametrize(
    "other",
    [{"api_url": "http://127.0.0.1:2"}, {"client_id": "other-client", "client_secret": "secret"}],
    ids=["account", "client"],
)
def test_a_file_of_another_account_or_client_is_refused(cache: Path, other: dict[str, str]) -> None:
    clock = SimulatedClock()
    fake = simulated(
        clock,
        clients={tuple(CLIENT.values()): {"expires_in": 1800}, ("other-client", "secret"): {}},
    )
    run(fake, clock, **settings_of(cache))
    before = cache.read_bytes()
    requests = len(fake.log)
    fake.credentials.refresh_tokens.add("another-refresh-token")
    with pytest.raises(ZendeskEventsError, match="keeps the tokens of another account or client"):
        run(fake, clock, **settings_of(cache, refresh_token="another-refresh-token", **other))
    assert cache.read_bytes() == before
    assert len(fake.log) == requests
    clock.time += 3600
    run(fake, clock, **settings_of(cache))
    assert fake.credentials.refused_grants == 0


def test_what_is_no_regular_file_is_left_alone(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    clock = SimulatedClock()
    fake = simulated(clock)
    with pytest.raises(ZendeskEventsError, match="cannot be read and written"):
        run(fake, clock, **settings_of(pipe))
    with pytest.raises(ZendeskEventsError, match="oauth_cache must be the path of a file"):
        run(fake, clock, **settings_of(tmp_path))
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert fake.log == []


# Signals


SCRIPT = """
from tap_zendesk_events import termination
from tap_zendesk_events.__main__ import main
termination.LAST_RESORT = 0.5
main()
"""
WITH_LAST_RESORT = [sys.executable, "-c", SCRIPT]
"""The command, with a last resort that comes soon."""


def wait_for(process: Any, text: str) -> None:
    while line := process.stderr.readline():
        if text in line:
            return
    pytest.fail(f"no line says: {text}")


def test_the_last_resort_waits_for_a_request_that_spends_a_token(cache: Path) -> None:
    fake = an_account(faults=[Fault(on=on_token, kind="stall", seconds=1.5)])
    with fake.serve() as url:
        process = start(url, str(cache), WITH_LAST_RESORT)
        while not fake.tokens_issued:
            os.sched_yield()
        process.send_signal(signal.SIGTERM)
        wait_for(process, "SIGTERM has come while a refresh token is being spent")
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Stopped by SIGTERM" in errors
    assert "Traceback" not in errors
    assert '"RECORD"' not in output
    assert fake.credentials.refresh_tokens != {FIRST}
    check_nothing_lost(fake, cache)


def test_it_waits_for_request_timeout_and_no_longer(cache: Path) -> None:
    # the body drips, so that there is never a silence that would be a time-out
    fake = an_account(faults=[Fault(on=on_token, kind="slow", seconds=16)])
    with fake.serve() as url:
        process = start(url, str(cache), WITH_LAST_RESORT, request_timeout="1")
        while not fake.tokens_issued:
            os.sched_yield()
        process.send_signal(signal.SIGTERM)
        wait_for(process, "and in 1 s at the latest")
        process.communicate(timeout=10)
    assert process.returncode == 128 + signal.SIGTERM


def test_a_pause_between_tries_of_that_request_ends_at_once(cache: Path) -> None:
    fault = Fault(on=on_token, status=503, headers={"Retry-After": "600"})
    fake = an_account(faults=[fault])
    with fake.serve() as url:
        process = start(url, str(cache))
        wait_for(process, "trying again in 10 min")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=5)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Stopped by SIGTERM" in errors
    assert "is being spent" not in errors
    assert fake.credentials.refresh_tokens == {FIRST}


def test_no_request_for_a_token_goes_out_after_a_signal(cache: Path) -> None:
    """The page of before is still being written while the next one needs a token."""
    from tap_zendesk_events.termination import TERMINATION, TerminatedError  # noqa: PLC0415

    clock = SimulatedClock()
    fake = simulated(clock)

    def a_run() -> None:
        with TERMINATION.active(), TERMINATION:
            os.kill(os.getpid(), signal.SIGTERM)
            run(fake, clock, **settings_of(cache))

    with pytest.raises(TerminatedError):
        a_run()
    assert fake.log == []


# Two runs


def test_a_wait_for_another_run_is_told_and_ends_with_a_signal(cache: Path) -> None:
    fake = an_account()
    with nobody_waiting(cache) as file, fake.serve() as url:
        process = start(url, str(cache))
        wait_for(process, "Another run is renewing the tokens")
        file.rehearse()  # puts another file in the place of the one that is waited for
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=5)
    assert process.returncode == 128 + signal.SIGINT
    assert "Stopped by SIGINT" in errors
    assert fake.log == []


@pytest.mark.parametrize("replaceable", [True, False])
def test_the_lock_holds_while_the_file_is_replaced_and_by_another_name(
    cache: Path, replaceable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not replaceable:
        monkeypatch.setattr(Path, "replace", cannot(errno.EBUSY))
    link = cache.with_name("link")
    link.symlink_to(cache)
    order: list[str] = []

    def another(path: Path, waiting: threading.Event) -> None:
        with TokenFile(str(path)).locked(waiting.set) as file:
            order.append("another")
            assert file.read("an-account", "an-origin") == PAIR

    def begun(path: Path) -> threading.Thread:
        waiting = threading.Event()
        thread = threading.Thread(target=another, args=(path, waiting))
        thread.start()
        assert waiting.wait(5), "it did not have to wait"
        return thread

    with nobody_waiting(cache) as file:
        threads = [begun(cache)]
        file.rehearse()
        threads += [begun(cache), begun(link)]
        file.write(PAIR)
        order.append("first")
    for thread in threads:
        thread.join(5)
    assert order == ["first", "another", "another", "another"]


# Tries whose answer is lost


def test_a_token_that_an_unanswered_try_has_spent_is_told_as_it_is(cache: Path) -> None:
    clock = SimulatedClock()
    fake = simulated(clock)
    fake.faults = [Fault(on=on_token, times=1, kind="drop_in_body")]
    with pytest.raises(ZendeskEventsError) as caught:
        run(fake, clock, **settings_of(cache))
    assert "an earlier try did not arrive" in str(caught.value)
    assert "make a new one" in str(caught.value)
    assert not cache.exists()


@pytest.mark.parametrize(
    ("fault", "in_doubt"),
    [
        (Fault(on=on_token, status=503), True),
        (Fault(on=on_token, kind="truncate"), True),
        (Fault(on=on_token, times=3, status=429, headers={"Retry-After": "5"}), False),
    ],
    ids=["503", "truncated", "429"],
)
def test_whether_a_token_is_spent_is_left_open_only_if_it_is(
    cache: Path, fault: Fault, in_doubt: bool
) -> None:
    clock = SimulatedClock()
    fake = simulated(clock, faults=[fault])
    if not in_doubt:
        # nothing of a throttled request is doubtful: what is refused next was bad before
        fake.credentials.refresh_tokens.clear()
    with pytest.raises(ZendeskEventsError) as caught:
        run(fake, clock, **settings_of(cache, max_retry_seconds=20))
    said = str(caught.value)
    assert ("may have spent" in said or "did not arrive" in said) == in_doubt


def test_when_nobody_answers_at_all_nothing_is_in_doubt(cache: Path) -> None:
    process = start("http://127.0.0.1:9", str(cache), max_retry_seconds="1")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "cannot be reached" in errors
    assert "may have spent" not in errors


def test_a_file_that_cannot_be_read_is_a_sentence(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TokenFile(str(cache)).locked(lambda: None) as file:
        monkeypatch.setattr(os, "pread", cannot(errno.EIO))
        with pytest.raises(ZendeskEventsError, match="Input/output error"):
            file.read("an-account", "an-origin")


def test_a_file_that_others_replace_all_the_time_is_given_up(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "samestat", lambda *_: False)
    locked = TokenFile(str(cache)).locked(lambda: None)
    with pytest.raises(ZendeskEventsError, match="other runs replace it"), locked:
        pytest.fail("it is locked")
