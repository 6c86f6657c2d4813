"""A case: a target with its settings, loaded three times, and once more with a single stream."""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.independent_reader import comments, field_changes
from tests.support.selection import ALL_STREAMS, KEYS
from tests.targets.account import add_new, an_account, serving
from tests.targets.candidate import Place
from tests.targets.compare import Problem, Sent, compare
from tests.targets.pipe import pipe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.postgres import Postgres
    from tests.targets.candidate import Candidate, Variant
    from tests.targets.compare import Findings
    from tests.targets.pipe import Piped

ALONE = "ticket_events"
SINK = [sys.executable, "-c", "import sys; sys.stdin.buffer.read()"]
A_SECOND = 1.1
MOST_OF_AN_ERROR = 120
EXCEPTION = re.compile(r"[\w.]*(?:Error|Exception)(?::|$)|(?:[a-z]\w*\.)+[A-Z]\w*:")
REPOSITORY = Path(__file__).resolve().parent.parent.parent


class TapFaultError(Exception):
    """The tap itself sent something wrong, so nothing can be said about a target."""


@dataclass(frozen=True)
class Truth:
    """What has to be there, stream by stream: after the first run, and after the second."""

    first: dict[str, Sent]
    second: dict[str, Sent]


@dataclass
class Outcome:
    """What has become of a case.

    Args:
        missing: What stands in the way of installing it; empty if nothing does.
        error: What it ends with; empty if it does its work.
        streams: What is wrong after the first run, by stream.
        second: What is wrong after the second run, and was not before.
        alone: What is wrong where `ticket_events` is loaded alone, and not otherwise.
        nested: How objects and arrays are stored.
        again: What becomes of a row that comes again.
        blurred: Whether null and empty text cannot be told apart.
    """

    missing: str = ""
    error: str = ""
    streams: dict[str, list[Problem]] = field(default_factory=dict)
    second: list[Problem] = field(default_factory=list)
    alone: list[Problem] = field(default_factory=list)
    nested: set[str] = field(default_factory=set)
    again: str = ""
    blurred: bool = False


class _TargetError(Exception):
    """The target ended with an error."""


def find_truth(folder: Path) -> Truth:
    """Run the tap without flattening and without a target, twice; check what it sends."""
    account = an_account()
    with serving(account).serve() as url:
        first = pipe(SINK, folder, url, *ALL_STREAMS, flatten=False)
        add_new(account)
        second = pipe(SINK, folder, url, *ALL_STREAMS, flatten=False, state=first.last_state)
    truth = Truth(_sent(first), _sent(first, second))
    events = account.events()
    wanted = {
        "ticket_comments": comments(events),
        "ticket_events": events,
        "ticket_field_changes": field_changes(events),
        "ticket_metric_events": account.metrics.events(),
    }
    for stream, sent in truth.second.items():
        keys = [tuple(row[name] for name in sent.key) for row in wanted[stream]]
        if sorted(keys) != sorted(map(sent.of, sent.rows)):
            raise TapFaultError(f"the tap did not send each row of {stream} once")
    return truth


class Case:
    """One target with one set of settings, once with and once without the tap's flattening."""

    def __init__(
        self,
        candidate: Candidate,
        variant: Variant,
        programs: Path,
        truth: Truth,
        *,
        flatten: bool,
    ) -> None:
        self._command = [str(programs / candidate.command)]
        self._python = programs / "python"
        if candidate.offline:
            module = f"tests.targets.offline.{candidate.offline}"
            self._command = [
                *("env", f"PYTHONPATH={REPOSITORY}"),
                *(str(self._python), "-m", module),
            ]
        self._variant = variant
        self._truth = truth
        self._flatten = flatten
        self._needs_database = candidate.needs_database

    def run(self, folder: Path, postgres: Postgres | None) -> Outcome:
        """Load and read back; `folder` is made here, and its name is that of the databases."""
        outcome = Outcome()
        try:
            self._all(self._place(folder / "all", postgres), outcome)
            self._alone(self._place(folder / "alone", postgres), outcome)
        except _TargetError as error:
            outcome.error = str(error)
        return outcome

    def _place(self, folder: Path, postgres: Postgres | None) -> Place:
        (folder / "stored").mkdir(parents=True)
        if not (self._needs_database and postgres):
            return Place(folder, self._python)
        name = f"{folder.parent.name}_{folder.name}"
        return Place(folder, self._python, postgres.fresh_database(name))

    def _all(self, place: Place, outcome: Outcome) -> None:
        account = an_account()
        with serving(account).serve() as url:
            first = self._load(place, url, ALL_STREAMS, None)
            self._check_tap(first, self._truth.first)
            findings = self._findings(place, self._truth.first)
            outcome.streams = {stream: found.problems for stream, found in findings.items()}
            for found in findings.values():
                outcome.nested |= found.nested
                outcome.blurred |= found.blurred
            if not first.states:
                outcome.second = [Problem("writes no state: each run begins at `start_date`")]
                return
            add_new(account)
            state = first.states[-1]
            second = self._load(place, url, ALL_STREAMS, state)
            outcome.second = self._second(place, second, outcome.streams)
            if outcome.second:
                return
            self._load(place, url, ALL_STREAMS, state)
            twice = any(
                problem.what == "rows there more than once"
                for found in self._findings(place, self._truth.second).values()
                for problem in found.problems
            )
            outcome.again = "a second row" if twice else "the same row"

    def _second(
        self, place: Place, piped: Piped, before: Mapping[str, list[Problem]]
    ) -> list[Problem]:
        new = {
            stream: Sent(sent.properties, sent.key, sent.rows[len(first.rows) :])
            for (stream, sent), first in zip(
                self._truth.second.items(), self._truth.first.values(), strict=True
            )
        }
        if any(len(piped.records(stream)) != len(sent.rows) for stream, sent in new.items()):
            return [Problem("its state makes the tap send rows again")]
        stored = self._variant.read(place)
        replaced = all(
            sorted(map(sent.of_stored, stored.get(stream, []))) == sorted(map(sent.of, sent.rows))
            for stream, sent in new.items()
        )
        if replaced:
            return [Problem("each run removes what the one before has stored")]
        return _added(before, self._findings(place, self._truth.second))

    def _alone(self, place: Place, outcome: Outcome) -> None:
        with serving(an_account()).serve() as url:
            piped = self._load(place, url, [ALONE], None)
        truth = {ALONE: self._truth.first[ALONE]}
        self._check_tap(piped, truth)
        outcome.alone = _added(outcome.streams, self._findings(place, truth))

    def _load(
        self, place: Place, url: str, streams: Sequence[str], state: dict[str, Any] | None
    ) -> Piped:
        if state is not None:
            # file names with the time of the run in them have it in seconds
            time.sleep(A_SECOND)
        config = {**self._variant.shown, **self._variant.config(place)}
        path = place.folder / "target-config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        piped = pipe(
            [*self._command, "--config", str(path)],
            place.folder,
            url,
            *streams,
            flatten=self._flatten,
            state=state,
        )
        if piped.target_status:
            raise _TargetError(_error_line(piped.errors))
        if piped.tap_status:
            raise _TargetError("ends before the tap does")
        return piped

    def _check_tap(self, piped: Piped, truth: Mapping[str, Sent]) -> None:
        for stream, sent in truth.items():
            if problems := compare(sent, piped.records(stream)).problems:
                raise TapFaultError(f"{stream}: {'; '.join(map(str, problems))}")

    def _findings(self, place: Place, truth: Mapping[str, Sent]) -> dict[str, Findings]:
        stored = self._variant.read(place)
        return {
            stream: compare(sent, stored.get(stream, []), empty_is_null=self._variant.empty_is_null)
            for stream, sent in truth.items()
        }


def _sent(*runs: Piped) -> dict[str, Sent]:
    properties = {
        message["stream"]: message["schema"]["properties"]
        for message in runs[0].messages
        if message["type"] == "SCHEMA"
    }
    return {
        stream: Sent(
            properties[stream], KEYS[stream], [row for run in runs for row in run.records(stream)]
        )
        for stream in ALL_STREAMS
    }


def _added(before: Mapping[str, list[Problem]], findings: Mapping[str, Findings]) -> list[Problem]:
    """The problems that a stream did not have before, each of them once."""
    return sorted(
        {
            problem
            for stream, found in findings.items()
            for problem in found.problems
            if problem.what not in {known.what for known in before[stream]}
        }
    )


def _error_line(errors: str) -> str:
    """The line of an error message or traceback that says what went wrong."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    of_exceptions = [line for line in lines if EXCEPTION.match(line)]
    text = (of_exceptions or lines or ["no message"])[-1]
    return text if len(text) <= MOST_OF_AN_ERROR else text[:MOST_OF_AN_ERROR] + "…"
