"""What Meltano itself says about meltano.yml."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tap_zendesk_events.tap import TapZendeskEvents
from tests.fake_zendesk import Account, FakeZendesk, make_events
from tests.support.docs import DOCS
from tests.support.meltano_project import ACCESS, REPOSITORY, MeltanoProject

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.postgres import Database


def test_the_project_file_is_valid() -> None:
    schema = files("meltano").joinpath("schemas/meltano.schema.json").read_text(encoding="utf-8")
    project = yaml.safe_load((REPOSITORY / "meltano.yml").read_text(encoding="utf-8"))
    problems = Draft202012Validator(json.loads(schema)).iter_errors(project)
    assert [f"{list(problem.path)}: {problem.message}" for problem in problems] == []


@pytest.mark.usefixtures("plugins")
def test_a_selected_stream_is_added_to_what_is_selected(tmp_path: Path) -> None:
    project = MeltanoProject(tmp_path / "project", {})
    added = ("select", "tap-zendesk-events", "ticket_field_changes", "*")
    output: list[str] = []
    assert project.meltano("--no-environment", *added, show=output.append) == 0, output
    (tap,) = yaml.safe_load(project.file.read_text(encoding="utf-8"))["plugins"]["extractors"]
    assert tap["select"] == ["ticket_events.*", "ticket_field_changes.*"]

    # and what stands in an environment takes its place
    assert project.meltano("--environment=prod", *added, show=output.append) == 0, output
    assert {column.partition(".")[0] for column in selected(project)} == {"ticket_field_changes"}


@pytest.mark.usefixtures("plugins")
def test_the_selection_of_the_docs_is_all_but_what_people_wrote(tmp_path: Path) -> None:
    (shown,) = (block for block in DOCS["streams"].blocks("yaml") if block.startswith("select:"))
    patterns = yaml.safe_load(shown)["select"]
    variable = {"TAP_ZENDESK_EVENTS__SELECT": json.dumps(patterns)}
    columns = selected(MeltanoProject(tmp_path / "project", variable))
    streams = TapZendeskEvents(validate_config=False).streams
    every = {
        f"{name}.{column}" for name in streams for column in streams[name].schema["properties"]
    }
    left_out = ("body", "html_body", "plain_body", "attachments")
    assert columns == every - {f"ticket_comments.{column}" for column in left_out}


@pytest.mark.usefixtures("plugins")
def test_the_schedule_runs_the_job_in_the_schema_of_its_stage(
    tmp_path: Path, database: Database
) -> None:
    output: list[str] = []
    with FakeZendesk(Account(make_events(30, seed=31)), rate_limit=None).serve() as url:
        variables = {
            **ACCESS,
            "TAP_ZENDESK_EVENTS_API_URL": url,
            "TARGET_POSTGRES_SQLALCHEMY_URL": database.sqlalchemy_url,
        }
        project = MeltanoProject(tmp_path / "project", variables)
        command = ("--environment=staging", "schedule", "run", "zendesk-every-ten-minutes")
        assert project.meltano(*command, show=output.append) == 0, output
    assert database.query("SELECT count(*) FROM zendesk_staging.ticket_events") == [(30,)]
    assert any("'staging:tap-zendesk-events-to-target-postgres'" in line for line in output)


@pytest.mark.usefixtures("plugins")
def test_the_taps_lines_are_fields_in_meltanos_json_log(tmp_path: Path) -> None:
    run = ("--log-format=json", "--environment=prod", "run", "zendesk-to-jsonl")
    project = MeltanoProject(tmp_path / "project", dict(ACCESS))
    with FakeZendesk(Account(make_events(30, seed=32)), rate_limit=None).serve() as url:
        project.settings["TAP_ZENDESK_EVENTS_API_URL"] = url
        good = json_log(project, 0, *run)
        project.settings["TAP_ZENDESK_EVENTS_CLIENT_SECRET"] = "wrong-secret"
        bad = json_log(project, 1, *run)

    (done,) = (line for line in good if line["event"].startswith("Sent 30 ticket_events"))
    assert (done["level"], done["plugin_logger"]) == ("info", "tap-zendesk-events")
    metrics = [line["metric_info"] for line in good if "metric_info" in line]
    assert {"metric": "record_count", "value": 30}.items() <= next(
        metric for metric in metrics if metric["metric"] == "record_count"
    ).items()
    errors = [line for line in bad if line["level"] == "error" and line.get("plugin_logger")]
    assert len(errors) == 1
    assert "gives no OAuth token (status 401" in errors[0]["event"]
    assert "exc_info" not in errors[0]
    assert "wrong-secret" not in json.dumps(bad)


def json_log(project: MeltanoProject, status: int, *arguments: str) -> list[dict[str, Any]]:
    """Return the lines of Meltano's JSON log that came from the tap."""
    output: list[str] = []
    assert project.meltano(*arguments, show=output.append) == status, output
    lines = [json.loads(line) for line in output if line.startswith("{")]
    return [line for line in lines if line.get("string_id") == "tap-zendesk-events"]


def selected(project: MeltanoProject) -> set[str]:
    """Return the columns that Meltano asks the tap for in the environment `prod`."""
    output: list[str] = []
    project.settings["TAP_ZENDESK_EVENTS_START_DATE"] = "2024-01-01"
    listing = ("--environment=prod", "select", "tap-zendesk-events", "--list")
    assert project.meltano(*listing, show=output.append) == 0, output
    return {
        line.split()[-1] for line in output if line.strip().startswith(("[selected", "[automatic"))
    }


@pytest.mark.usefixtures("plugins")
def test_a_failing_test_prints_one_line_of_the_taps_and_nothing_of_pythons(tmp_path: Path) -> None:
    """Meltano has Python warn of files that are left open, and prints the warnings."""
    fake = FakeZendesk(Account(make_events(3)))
    output: list[str] = []
    with fake.serve() as url:
        variables = {**ACCESS, "TAP_ZENDESK_EVENTS_API_URL": url}
        project = MeltanoProject(tmp_path / "project", variables)
        tap = ("--environment=prod", "invoke", "tap-zendesk-events")
        # from then on there is a catalog, which Meltano gives to every call
        assert project.meltano(*tap, show=output.append) == 0, output
        output.clear()
        project.settings["TAP_ZENDESK_EVENTS_CLIENT_SECRET"] = "wrong"
        assert project.meltano(*tap, "--test", show=output.append) == 1
    own = [line for line in output if " Python 3." not in line and "Environment 'prod'" not in line]
    assert len(own) == 1, output
    assert "gives no OAuth token (status 401" in own[0]
