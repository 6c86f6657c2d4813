"""The listing for Meltano Hub says what the tap says, in a form that the Hub takes."""

from __future__ import annotations

import re
import runpy
import struct
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
HUB = REPOSITORY / "hub"
SCRIPT: dict[str, Any] = runpy.run_path(str(HUB / "listing.py"))
(DEFINITION_FILE,) = (HUB / "_data" / "meltano" / "extractors").glob("*/*.yml")
DEFINITION: dict[str, Any] = yaml.safe_load(DEFINITION_FILE.read_text(encoding="utf-8"))

# What the Hub's schemas and checks ask for

TOP_LEVEL = {
    "capabilities", "commands", "definition", "description", "docs", "domain_url", "executable",
    "hidden", "keywords", "label", "log_parser", "logo_url", "maintenance_status", "metadata",
    "name", "namespace", "next_steps", "pip_url", "prereq", "python", "quality", "repo", "requires",
    "schema", "select", "settings", "settings_group_validation", "settings_preamble",
    "supported_python_versions", "usage", "variant",
}  # fmt: skip
OF_A_SETTING = {
    "aliases", "description", "docs", "documentation", "env", "hidden", "kind", "label", "name",
    "oauth", "options", "placeholder", "sensitive", "tooltip", "value", "value_post_processor",
    "value_processor",
}  # fmt: skip
KINDS = {
    "array", "boolean", "date_iso8601", "decimal", "email", "file", "hidden", "integer", "oauth",
    "object", "options", "password", "string",
}  # fmt: skip
CAPABILITIES = {
    "about", "activate-version", "batch", "catalog", "discover", "log-based", "properties",
    "schema-flattening", "state", "stream-maps", "structured-logging", "test",
}  # fmt: skip


def problems(definition: dict[str, Any], path: Path) -> list[str]:
    """Return what the Hub would refuse in a definition that lies at ``path``."""
    settings = definition.get("settings", [])
    names = [setting.get("name") for setting in settings]
    groups = definition.get("settings_group_validation", [])
    checks = {
        "required keys": {"name", "namespace", "variant", "quality"} <= definition.keys(),
        "top-level keys": definition.keys() <= TOP_LEVEL,
        "keys of settings": all({"name"} <= s.keys() <= OF_A_SETTING for s in settings),
        "kinds": all(setting.get("kind", "string") in KINDS for setting in settings),
        "capabilities": set(definition.get("capabilities", [])) <= CAPABILITIES,
        "maintenance status": definition.get("maintenance_status", "active")
        in {"active", "beta", "development", "inactive", "unknown"},
        "quality": definition.get("quality") in {"gold", "silver", "bronze", "unknown"},
        "folder and file": (definition.get("name"), f"{definition.get('variant')}.yml")
        == (path.parent.name, path.name),
        "namespace": definition.get("namespace") == definition.get("name", "").replace("-", "_"),
        "Python versions": all(
            re.fullmatch(r"3\.\d+", version)
            for version in definition.get("supported_python_versions", [])
        ),
        "order of settings": names == sorted(names),
        "order of capabilities": definition.get("capabilities")
        == sorted(definition.get("capabilities", [])),
        "groups": all(group == sorted(group) and set(group) <= set(names) for group in groups),
        "secrets": all(
            (setting.get("kind") == "password") is setting.get("sensitive", False)
            for setting in settings
        ),
    }
    return [check for check, passed in checks.items() if not passed]


def test_the_hub_takes_the_definition() -> None:
    assert problems(DEFINITION, DEFINITION_FILE) == []


@pytest.mark.parametrize(
    ("problem", "change"),
    [
        ("required keys", {"quality": None}),
        ("top-level keys", {"ext_repo": "x"}),
        ("keys of settings", {"settings": [{"name": "a", "type": "string"}]}),
        ("kinds", {"settings": [{"name": "a", "kind": "number"}]}),
        ("capabilities", {"capabilities": ["sync"]}),
        ("maintenance status", {"maintenance_status": "fine"}),
        ("quality", {"quality": "best"}),
        ("folder and file", {"variant": "other"}),
        ("namespace", {"namespace": "zendesk"}),
        ("Python versions", {"supported_python_versions": ["3.11.7"]}),
        ("order of settings", {"settings": [{"name": "b"}, {"name": "a"}]}),
        ("order of capabilities", {"capabilities": ["state", "about"]}),
        ("groups", {"settings_group_validation": [["unknown"]]}),
        ("secrets", {"settings": [{"name": "a", "kind": "string", "sensitive": True}]}),
    ],
)
def test_each_check_can_fail(problem: str, change: dict[str, Any]) -> None:
    changed = {**DEFINITION, **change}
    changed = {key: value for key, value in changed.items() if value is not None}
    assert problem in problems(changed, DEFINITION_FILE)


def test_the_files_are_those_that_the_script_writes() -> None:
    written: dict[str, str] = {
        str(path.relative_to(HUB)): text for path, text in SCRIPT["files"]().items()
    }
    found = {
        str(path.relative_to(HUB)): path.read_text(encoding="utf-8")
        for path in HUB.glob("_data/**/*.yml")
    }
    assert found == written, "`make hub` writes them anew"


def test_it_differs_in_nothing_from_what_the_tap_says() -> None:
    about: dict[str, Any] = SCRIPT["about"]()
    for key in ("name", "description", "supported_python_versions"):
        assert DEFINITION[key] == about[key]
    assert set(DEFINITION["capabilities"]) - {"test"} == set(about["capabilities"])
    said = about["settings"]["properties"]
    listed = {setting["name"]: setting for setting in DEFINITION["settings"]}
    assert listed.keys() == said.keys()
    for name, setting in listed.items():
        assert (name, setting["label"]) == (name, said[name]["title"])
        assert (name, setting["description"]) == (name, said[name]["description"].strip())
        assert (name, setting.get("value")) == (name, said[name].get("default"))
        assert (name, setting["kind"] == "password") == (name, said[name].get("secret", False))
    required = set(about["settings"]["required"])
    assert all(required <= set(group) for group in DEFINITION["settings_group_validation"])


def test_names_make_no_secrets_and_dates_are_dates() -> None:
    """Where the Hub's own script reads `--about`, an `id` or `token` in a name hides a setting."""
    kinds = {setting["name"]: setting["kind"] for setting in DEFINITION["settings"]}
    assert {name for name, kind in kinds.items() if kind == "password"} == {
        "access_token",
        "api_token",
        "client_secret",
        "refresh_token",
    }
    assert kinds["client_id"] == "string"
    assert {name for name, kind in kinds.items() if kind == "date_iso8601"} == {
        "start_date",
        "end_date",
    }


def test_meltano_yml_and_the_listing_agree() -> None:
    project = yaml.safe_load((REPOSITORY / "meltano.yml").read_text(encoding="utf-8"))
    (plugin,) = project["plugins"]["extractors"]
    for key in ("name", "namespace", "label", "executable", "select", "log_parser", "capabilities"):
        assert (key, plugin[key]) == (key, DEFINITION[key])
    groups = {frozenset(group) for group in plugin["settings_group_validation"]}
    assert groups == {frozenset(group) for group in DEFINITION["settings_group_validation"]}
    kinds = {setting["name"]: setting["kind"] for setting in plugin["settings"]}
    for setting in DEFINITION["settings"]:
        kind = "string" if setting["kind"] == "password" else setting["kind"]
        assert (setting["name"], kinds[setting["name"]]) == (setting["name"], kind)


def test_the_entries_beside_the_definition() -> None:
    name, variant = DEFINITION["name"], DEFINITION["variant"]
    defaults = yaml.safe_load((HUB / "_data" / "default_variants.yml").read_text("utf-8"))
    assert defaults == {"extractors": {name: variant}}
    maintainers = yaml.safe_load((HUB / "_data" / "maintainers.yml").read_text("utf-8"))
    assert maintainers.keys() == {variant.lower()}
    assert maintainers[variant.lower()].keys() == {"label", "name", "url"}
    owner = urlsplit(DEFINITION["repo"]).path.split("/")[1]
    assert (maintainers[variant.lower()]["name"], variant) == (owner, owner)


def test_the_logo_is_a_square_picture_where_the_hub_looks() -> None:
    label = DEFINITION["label"].lower().replace(" ", "-")
    assert DEFINITION["logo_url"] == f"/assets/logos/extractors/{label}.png"
    picture = (HUB / "static" / DEFINITION["logo_url"].lstrip("/")).read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    assert width == height >= 200


def test_the_yaml_is_sorted_as_the_hubs_linter_wants() -> None:
    for path in HUB.glob("_data/**/*.yml"):
        text = path.read_text(encoding="utf-8")
        assert not text.startswith("---"), path
        _assert_sorted(yaml.compose(text))
        for key, item in re.findall(r"(?m)^((?:- | )*)\w+:\n( *)- ", _without_blocks(text)):
            assert len(item) == len(key), "sequences are not indented"


def _assert_sorted(node: yaml.Node | None) -> None:
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        assert keys == sorted(keys)
        for _, value in node.value:
            _assert_sorted(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _assert_sorted(item)


def _without_blocks(text: str) -> str:
    """Return the text without the lines of its literal blocks."""
    return re.sub(r"\|\n(?:  .*\n|\n)+", "\n", text)
