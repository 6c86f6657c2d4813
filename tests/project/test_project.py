"""The files around the tap say what the tap says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tap_zendesk_events.settings import ADDRESSES, WAYS_TO_AUTHENTICATE

REPOSITORY = Path(__file__).resolve().parents[2]
MELTANO: dict[str, Any] = yaml.safe_load((REPOSITORY / "meltano.yml").read_text(encoding="utf-8"))
EXTRACTORS: list[dict[str, Any]] = MELTANO["plugins"]["extractors"]
LOADERS: list[dict[str, Any]] = MELTANO["plugins"]["loaders"]
UTILITIES: list[dict[str, Any]] = MELTANO["plugins"]["utilities"]
TAP = EXTRACTORS[0]
SETTINGS: dict[str, dict[str, Any]] = {setting["name"]: setting for setting in TAP["settings"]}
DATES = ("start_date", "end_date")

# Meltano 4.4 cannot pass on a setting of the kind "decimal", so a number is an integer there.
KINDS = {
    "boolean": "boolean",
    "integer": "integer",
    "number": "integer",
    "object": "object",
    "string": "string",
}


@pytest.fixture(scope="module")
def about() -> dict[str, Any]:
    command = [sys.executable, "-m", "tap_zendesk_events", "--about", "--format", "json"]
    printed = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, check=True, encoding="utf-8"
    )
    found: dict[str, Any] = json.loads(printed.stdout)
    return found


@pytest.fixture(scope="module")
def own_settings(about: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = about["settings"]["properties"]
    return found


def tracked_files() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (REPOSITORY / ".git").exists():
        pytest.skip("no git checkout")
    printed = subprocess.run(
        [git, "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True, encoding="utf-8"
    )
    return [REPOSITORY / name for name in printed.stdout.split("\0") if name]


def test_meltano_knows_exactly_the_taps_settings(own_settings: dict[str, dict[str, Any]]) -> None:
    assert list(SETTINGS) == list(own_settings)


def test_meltano_shows_the_taps_words(own_settings: dict[str, dict[str, Any]]) -> None:
    for name, setting in own_settings.items():
        shown = SETTINGS[name]
        assert (name, shown["label"]) == (name, setting["title"])
        assert (name, shown["description"]) == (name, setting["description"].strip())
        assert (name, shown.get("value")) == (name, setting.get("default"))


def test_meltano_knows_the_kinds_and_the_secrets(own_settings: dict[str, dict[str, Any]]) -> None:
    for name, setting in own_settings.items():
        (kind,) = (KINDS[kind] for kind in setting["type"] if kind != "null")
        if name in DATES:
            kind = "date_iso8601"
        elif name == "email":
            kind = "email"
        elif "enum" in setting:
            kind = "options"
            options = [option["value"] for option in SETTINGS[name]["options"]]
            assert options == setting["enum"]
        assert (name, SETTINGS[name]["kind"]) == (name, kind)
        assert (name, SETTINGS[name].get("sensitive", False)) == (
            name,
            setting.get("secret", False),
        )


def test_meltano_knows_what_the_tap_can_do(about: dict[str, Any]) -> None:
    # no SDK tap lists its --test
    assert set(TAP["capabilities"]) == {*about["capabilities"], "test"}
    assert "batch" not in TAP["capabilities"]


def test_each_group_of_settings_is_an_address_a_start_and_one_way_to_authenticate() -> None:
    wanted = {
        frozenset({address, "start_date", *way})
        for address in ADDRESSES
        for way in WAYS_TO_AUTHENTICATE
    }
    assert {frozenset(group) for group in TAP["settings_group_validation"]} == wanted
    assert all(group <= SETTINGS.keys() for group in wanted)


def test_nobody_exports_more_than_ticket_events_by_accident() -> None:
    selections = [plugin["select"] for plugin in EXTRACTORS]
    for place in MELTANO["environments"]:
        plugins = place.get("config", {}).get("plugins", {}).get("extractors", [])
        selections += [plugin["select"] for plugin in plugins if "select" in plugin]
    assert all(selection == ["ticket_events.*"] for selection in selections)


def test_no_secret_is_in_the_project_file_but_those_of_the_test_server() -> None:
    secrets = {
        setting["name"]
        for plugin in (*EXTRACTORS, *LOADERS, *UTILITIES)
        for setting in plugin["settings"]
        if setting.get("sensitive")
    }
    assert {"client_secret", "password"} <= secrets
    assert not [
        name
        for plugin in (*EXTRACTORS, *LOADERS, *UTILITIES)
        for name, value in plugin.get("config", {}).items()
        if name in secrets and not re.fullmatch(r"\$[A-Z_]+", value)  # the name of a variable
    ]
    for place in MELTANO["environments"]:
        kinds = place.get("config", {}).get("plugins", {})
        configured = [plugin["config"] for plugins in kinds.values() for plugin in plugins]
        named = {name for config in configured for name in config}
        assert not named & secrets or place["name"] == "demo"


def test_each_stage_of_ones_own_account_has_its_own_tables() -> None:
    stages = {place["name"]: place for place in MELTANO["environments"] if place["name"] != "demo"}
    assert list(stages) == ["dev", "staging", "prod"]
    schemas = [
        plugin["config"]["default_target_schema"]
        for place in stages.values()
        for plugin in place.get("config", {}).get("plugins", {}).get("loaders", [])
    ]
    assert schemas == ["zendesk_dev", "zendesk_staging"]


def test_each_stage_of_ones_own_account_has_models_of_its_own_tables() -> None:
    for place in MELTANO["environments"]:
        plugins = place.get("config", {}).get("plugins", {})
        for loader, dbt in zip(
            plugins.get("loaders", []), plugins.get("utilities", []), strict=True
        ):
            schema = loader["config"]["default_target_schema"]
            assert dbt["config"] == {"source_schema": schema, "schema": f"{schema}_models"}
    (loader,) = (plugin for plugin in LOADERS if plugin["name"] == "target-postgres")
    (dbt,) = UTILITIES
    defaults = {setting["name"]: setting.get("value") for setting in dbt["settings"]}
    assert defaults["source_schema"] == loader["config"]["default_target_schema"]
    assert defaults["send_anonymous_usage_stats"] is False


def test_each_schedule_runs_a_job_that_exists() -> None:
    jobs = {job["name"] for job in MELTANO["jobs"]}
    assert {schedule["job"] for schedule in MELTANO["schedules"]} <= jobs


def test_meltano_asks_no_server_and_tells_none() -> None:
    assert MELTANO["send_anonymous_usage_stats"] is False
    assert MELTANO["cli"]["disable_version_check"] is True
    for plugin in (*EXTRACTORS, *LOADERS, *UTILITIES):
        assert {"namespace", "executable", "pip_url", "settings"} <= plugin.keys()


def test_the_csv_target_writes_json_and_keeps_earlier_files() -> None:
    (target,) = (plugin for plugin in LOADERS if plugin["name"] == "target-csv")
    assert target["config"]["flattening_enabled"] is True
    assert target["config"]["flattening_max_depth"] == 1
    assert "{timestamp}" in target["config"]["file_naming_scheme"]


def test_the_example_environment_names_real_settings() -> None:
    known = {
        f"{plugin['namespace']}_{setting['name']}".upper()
        for plugin in (*EXTRACTORS, *LOADERS, *UTILITIES)
        for setting in plugin["settings"]
    }
    known |= {f"{plugin['namespace']}__select".upper() for plugin in EXTRACTORS}
    known.add("MELTANO_ENVIRONMENT")
    text = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", text, re.MULTILINE)
    assert named
    assert {name for name, _ in named} <= known
    assert ("MELTANO_ENVIRONMENT", "prod") in named
    assert not [value for name, value in named if "SECRET" in name or "PASSWORD" in name if value]


def test_git_holds_no_lock_file_and_no_address_of_a_package_index() -> None:
    tracked = tracked_files()
    locks = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml")
    assert not [path for path in tracked if path.name in locks]
    pins = [path for path in tracked if path.parent.name == "requirements"]
    for path in (*pins, REPOSITORY / "pyproject.toml"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"index-url|find-links|\[\[tool\.uv\.index", text), path
    for path in pins:
        assert "://" not in path.read_text(encoding="utf-8"), path
