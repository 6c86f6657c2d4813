"""Write the listing for Meltano Hub, in the layout of the Hub's own repository.

Whatever the tap can say of itself is taken from ``tap-zendesk-events --about --format json``, so
that the listing cannot differ from the code. What stands here is what only the Hub asks for.

Run it with ``make hub``. A pull request to the Hub then takes the definition and the logo as they
are, and the entries of ``default_variants.yml`` and ``maintainers.yml`` into the files of these
names, which hold those of all plugins there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tap_zendesk_events.settings import ADDRESSES, WAYS_TO_AUTHENTICATE

HUB = Path(__file__).resolve().parent
PROJECT: dict[str, Any] = tomllib.loads(
    (HUB.parent / "pyproject.toml").read_text(encoding="utf-8")
)["project"]

LABEL = "Zendesk ticket events"
VARIANT = urlsplit(PROJECT["urls"]["Repository"]).path.split("/")[1]
"""The Hub tells variants of a plugin apart by the owners of their repositories."""

KINDS = {
    "boolean": "boolean",
    "integer": "integer",
    "number": "integer",  # Meltano 4.4 fails at a "decimal" that an environment variable sets
    "object": "object",
    "string": "string",
}
"""The Hub's name for each JSON type."""

SPECIAL_KINDS = {"start_date": "date_iso8601", "end_date": "date_iso8601", "email": "email"}
"""What a setting is where JSON only says that it is a string."""

PREREQUISITE = """\
An admin of the Zendesk account makes an OAuth client in Admin Center, Apps and integrations, APIs,
OAuth clients. Its kind must be *Confidential*. Its identifier is `client_id`, its secret
`client_secret`.
"""

PREAMBLE = """\
`start_date` and `subdomain` are needed, and one way to authenticate:

* `client_id` and `client_secret`: an OAuth client, recommended. The tap fetches its tokens.
* `access_token`: an OAuth access token that exists already.
* `refresh_token`, `client_id`, `client_secret` and `oauth_cache`: a rotating refresh token.
* `email` and `api_token`: Zendesk ends these on 30 April 2027.
"""

USAGE = """\
## Streams

The stream `ticket_events`, every change of every ticket, is selected by itself. There are others:

* `ticket_field_changes`: the field history, one row for each changed field.
* `ticket_comments`: one row for each comment. Selecting it exports what people wrote.
* `ticket_metric_events`: the clocks of service levels.

A selection of your own takes the place of the listing's, so name every stream that you want:

```sh
meltano select tap-zendesk-events ticket_events '*'
meltano select tap-zendesk-events ticket_field_changes '*'
```
"""


def about() -> dict[str, Any]:
    """Return what the tap says of itself."""
    command = [sys.executable, "-m", "tap_zendesk_events", "--about", "--format", "json"]
    printed = subprocess.run(command, capture_output=True, check=True, cwd=HUB.parent)
    described: dict[str, Any] = json.loads(printed.stdout)
    return described


def setting(name: str, described: dict[str, Any]) -> dict[str, Any]:
    """Return a setting in the Hub's form.

    Args:
        name: The setting's name.
        described: Its JSON schema.
    """
    (kind,) = (KINDS[kind] for kind in described["type"] if kind != "null")
    entry: dict[str, Any] = {
        "name": name,
        "label": described["title"],
        "description": described["description"].strip(),
        "kind": SPECIAL_KINDS.get(name, kind),
    }
    if "enum" in described:
        options = [{"label": value, "value": value} for value in described["enum"]]
        entry |= {"kind": "options", "options": options}
    if described.get("secret"):
        entry |= {"kind": "password", "sensitive": True}
    if "default" in described:
        entry["value"] = described["default"]
    if "examples" in described:
        entry["placeholder"] = f"Ex. {described['examples'][0]}"
    return entry


def definition(described: dict[str, Any]) -> dict[str, Any]:
    """Return the extractor's definition.

    Args:
        described: What the tap says of itself.
    """
    name = described["name"]
    properties = described["settings"]["properties"]
    required = described["settings"]["required"]
    return {
        "name": name,
        "variant": VARIANT,
        "namespace": name.replace("-", "_"),
        "label": LABEL,
        "description": described["description"],
        "repo": PROJECT["urls"]["Repository"],
        "pip_url": PROJECT["name"],
        "executable": name,
        "logo_url": f"/{logo().relative_to(HUB / 'static').as_posix()}",
        "domain_url": "https://www.zendesk.com/",
        "keywords": ["api", "meltano_sdk"],
        "maintenance_status": "active",
        "quality": "silver",  # the Hub's word for a tap that is built on the SDK
        "capabilities": sorted({*described["capabilities"], "test"}),  # no SDK tap lists --test
        "log_parser": "singer-sdk",
        "supported_python_versions": described["supported_python_versions"],
        # Meltano's own default is every stream, and so every comment
        "select": ["ticket_events.*"],
        "settings": [setting(key, properties[key]) for key in sorted(properties)],
        "settings_group_validation": [
            sorted({address, *required, *way})
            for address in ADDRESSES
            for way in WAYS_TO_AUTHENTICATE
        ],
        "prereq": PREREQUISITE,
        "settings_preamble": PREAMBLE,
        "usage": USAGE,
        "next_steps": "",
    }


def logo() -> Path:
    """Return where the Hub keeps the logo."""
    name = LABEL.lower().replace(" ", "-")
    return HUB / "static" / "assets" / "logos" / "extractors" / f"{name}.png"


def files() -> dict[Path, str]:
    """Return the text of each file of the listing, by its path."""
    extractor = definition(about())
    name = extractor["name"]
    maintainer = {
        "label": f"{name} contributors",
        "name": VARIANT,
        "url": PROJECT["urls"]["Repository"].rpartition("/")[0],
    }
    data = HUB / "_data"
    return {
        data / "meltano" / "extractors" / name / f"{VARIANT}.yml": as_yaml(extractor),
        data / "default_variants.yml": as_yaml({"extractors": {name: VARIANT}}),
        data / "maintainers.yml": as_yaml({VARIANT.lower(): maintainer}),
    }


class Dumper(yaml.SafeDumper):
    """The Hub's style: text of several lines stands as it is."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, _text)


def as_yaml(content: dict[str, Any]) -> str:
    """Return YAML with sorted keys, as the Hub's linter wants it."""
    text: str = yaml.dump(content, Dumper=Dumper, allow_unicode=True, width=100)
    return text


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(HUB.parent))
