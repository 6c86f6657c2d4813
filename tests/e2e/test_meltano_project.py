"""What Meltano itself says about meltano.yml."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
import yaml
from jsonschema import Draft202012Validator

from tap_zendesk_events.tap import TapZendeskEvents
from tests.meltano_project import REPOSITORY, MeltanoProject

if TYPE_CHECKING:
    from pathlib import Path


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
def test_the_readmes_selection_is_all_but_what_people_wrote(tmp_path: Path) -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^```yaml\n(select:.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found
    patterns = yaml.safe_load(found[1])["select"]
    variable = {"TAP_ZENDESK_EVENTS__SELECT": json.dumps(patterns)}
    columns = selected(MeltanoProject(tmp_path / "project", variable))
    streams = TapZendeskEvents(validate_config=False).streams
    every = {
        f"{name}.{column}" for name in streams for column in streams[name].schema["properties"]
    }
    left_out = ("body", "html_body", "plain_body", "attachments")
    assert columns == every - {f"ticket_comments.{column}" for column in left_out}


def selected(project: MeltanoProject) -> set[str]:
    """Return the columns that Meltano asks the tap for in the environment `prod`."""
    output: list[str] = []
    project.settings["TAP_ZENDESK_EVENTS_START_DATE"] = "2024-01-01"
    listing = ("--environment=prod", "select", "tap-zendesk-events", "--list")
    assert project.meltano(*listing, show=output.append) == 0, output
    return {
        line.split()[-1] for line in output if line.strip().startswith(("[selected", "[automatic"))
    }
