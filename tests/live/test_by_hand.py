"""`make live`, as somebody with an account runs it: a process, settings from the environment."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.questions import QUESTIONS
from tests.support.cli import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]
OPTIONAL = {question.name for question in QUESTIONS if question.option}
DAYS = 30


@contextmanager
def server_by_hand(folder: Path, *options: str) -> Iterator[dict[str, str]]:
    """Start the test server by hand; gives the settings that it prints."""
    ready = folder / "ready"
    command = [sys.executable, "-m", "tests.fake_zendesk", f"--ready-file={ready}", *options]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as server:
        try:
            for _ in range(600):
                if ready.exists():
                    break
                time.sleep(0.05)
            begin = time.strftime("%Y-%m-%d", time.gmtime(time.time() - (DAYS + 1) * 86_400))
            yield {
                "api_url": ready.read_text(encoding="utf-8").strip(),
                "client_id": "fake-client",
                "client_secret": "fake-client-secret",
                "start_date": begin,
            }
        finally:
            server.terminate()


def make_live(settings: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    make = shutil.which("make")
    if make is None:
        pytest.skip("no make here")
    # the environment of these tests, which is there already
    given = [f"BIN={Path(sys.executable).parent}", "--old-file=.venv/.ready"]
    return subprocess.run(
        [make, "live", *given, f"LIVE={' '.join(options)}"],
        cwd=REPOSITORY,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_make_live_answers_every_question(tmp_path: Path) -> None:
    """A month that ended a while ago, so that nothing has to be waited for."""
    options = ("--rate-limit=30/60", "--ai-agents=0.2", "--seed=2", f"--days={DAYS}")
    with server_by_hand(tmp_path, *options) as settings:
        done = make_live(settings, f"--folder={tmp_path}")
    assert done.returncode == 0, done.stderr
    content: dict[str, Any] = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    verdicts = {each["name"]: each["verdict"] for each in content["questions"]}
    found = {each["name"]: each["found"] for each in content["questions"]}
    assert list(verdicts) == [question.name for question in QUESTIONS]
    unanswered = {n: found[n] for n, v in verdicts.items() if v != "agrees"}
    assert unanswered.keys() == OPTIONAL, unanswered
    assert 13 <= content["requests"] <= 25
    assert content["way"] == "client_id and client_secret"
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert f"{content['requests']} of at most 25 requests" in text
    assert all(question.asks in text for question in QUESTIONS)
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith("[")] == [
        f"[{number}/{len(QUESTIONS)}] {question.asks}"
        for number, question in enumerate(QUESTIONS, 1)
    ]
    assert str(tmp_path / "report.md") in done.stderr
    for secret in settings.values():
        if secret != settings["start_date"]:
            assert secret not in text + json.dumps(content)


def live(settings: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.live", *options],
        cwd=REPOSITORY,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "subdomain is not set"),
        ({"subdomain": "acme", "start_date": "2024-01-01"}, "no way to authenticate is set"),
        (
            {
                "subdomain": "acme",
                "start_date": "2024-01-01",
                "access_token": "x",
                "page_size": "0",
            },
            "page_size must be a whole number from 1 to 1000",
        ),
        ({"subdomain": "acme", "request_timeout": "soon"}, "must be a number"),
    ],
)
def test_wrong_settings_are_told_as_the_tap_tells_them(
    settings: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    done = live(settings, f"--folder={tmp_path}")
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_wrong_token_ends_it_without_a_report(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    (tmp_path / "report").mkdir()
    with server_by_hand(tmp_path / "server", "--events=50") as settings:
        done = live({**settings, "client_secret": "wrong"}, f"--folder={tmp_path / 'report'}")
    assert done.returncode == 1
    assert "client_secret" in done.stderr.splitlines()[-1]
    assert "wrong" not in done.stderr
    assert not list((tmp_path / "report").iterdir())


def test_an_interrupt_leaves_what_was_found(tmp_path: Path) -> None:
    with server_by_hand(tmp_path, "--rate-limit=4/60", "--events=3000") as settings:
        command = [sys.executable, "-m", "tests.live", f"--folder={tmp_path}"]
        with subprocess.Popen(
            command, cwd=REPOSITORY, env=environment(settings), stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr
            for line in process.stderr:
                if line.strip().startswith("Waiting"):
                    process.send_signal(signal.SIGINT)
                    break
            rest = process.stderr.read()
    assert process.returncode == 130
    assert rest.rstrip().endswith("Interrupted.")
    content = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert content["ended_by"] == "an interrupt"
    verdicts = [each["verdict"] for each in content["questions"]]
    assert verdicts[0] == "agrees"
    assert verdicts[-1] == "not tried"
