"""A Meltano Hub on loopback: what the Hub's site would serve, had it taken in our listing.

The targets are those of this repository's meltano.yml.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import yaml

from tests.support.meltano_project import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

API = "/meltano/api/v1/plugins"
LISTING = REPOSITORY / "hub"
NOT_IN_THE_API = (
    "definition",
    "domain_url",
    "keywords",
    "maintenance_status",
    "next_steps",
    "prereq",
    "quality",
    "settings_preamble",
    "usage",
)
"""What the Hub shows on its pages only."""


class Hub:
    """The Hub's answers by path, and what was asked for."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[str] = []
        self.answers: dict[str, bytes] = {}
        self.definition = definition_file()
        self._add_plugins("extractors", [yaml.safe_load(self.definition.read_text("utf-8"))])
        project = yaml.safe_load((REPOSITORY / "meltano.yml").read_text("utf-8"))
        self._add_plugins("loaders", project["plugins"]["loaders"])
        self.raw_path = f"/raw/{self.definition.name}"
        self.answers[self.raw_path] = self.definition.read_bytes()

    def _add_plugins(self, kind: str, plugins: list[dict[str, Any]]) -> None:
        index = {}
        for plugin in plugins:
            name, variant = plugin["name"], plugin["variant"]
            path = f"{API}/{kind}/{name}--{variant}"
            shown = {k: v for k, v in plugin.items() if k not in {*NOT_IN_THE_API, "config"}}
            shown["docs"] = f"{self.url}/{kind}/{name}--{variant}"
            shown["logo_url"] = f"{self.url}{plugin.get('logo_url', '')}"
            self.answers[path] = json.dumps(shown).encode()
            index[name] = {
                "logo_url": shown["logo_url"],
                "default_variant": variant,
                "variants": {variant: {"ref": f"{self.url}{path}"}},
            }
        self.answers[f"{API}/{kind}/index"] = json.dumps(index).encode()


def definition_file() -> Path:
    """Return the path of the one extractor that the listing defines."""
    (path,) = (LISTING / "_data" / "meltano" / "extractors").glob("*/*.yml")
    return path


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Serve the Hub as long as the context lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    hub = _Handler.hubs[server.server_port] = Hub(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        del _Handler.hubs[server.server_port]


class _Handler(BaseHTTPRequestHandler):
    hubs: dict[int, Hub] = {}  # noqa: RUF012 - one for each server, by its port

    def do_GET(self) -> None:
        hub = self.hubs[self.server.server_port]  # type: ignore[attr-defined]
        hub.asked.append(self.path)
        body = hub.answers.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: a test looks at what was asked for."""
