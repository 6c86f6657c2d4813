"""sdist and wheel: what is in them, and that the wheel runs on each Python of this machine.

They are built from what Git holds, so that nothing else of this folder can get in. With
``BUILT_PACKAGE=folder``, as `make package` runs this, those in the folder are tried instead.
`make package` also runs what is marked as soak here, `make test` does not.
"""

from __future__ import annotations

import csv
import email
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from readme_renderer.markdown import render

from tests.fake_zendesk import Account, FakeZendesk, make_events
from tests.support.cli import PREFIX
from tests.support.docs import README, REPOSITORY, page
from tests.support.environments import find_python

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message

PROJECT: dict[str, Any] = tomllib.loads(
    (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
)["project"]
NAME, VERSION = PROJECT["name"], PROJECT["version"]
PACKAGE = "tap_zendesk_events"
PYTHONS = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
OWN_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TRIED = [*PYTHONS, *({OWN_PYTHON} - set(PYTHONS))]
PINS = REPOSITORY / "requirements" / "dev.txt"
TOOLS = Path(sys.executable).parent
EVENTS = 50
FILES = f"{PROJECT['urls']['Repository']}/blob/v{VERSION}/"
"""Where an index leads to for the other files of a version."""


def run(
    *command: str | Path, cwd: Path, env: Mapping[str, str] | None = None, seconds: float = 120
) -> str:
    """Run a command that has to succeed; return what it wrote to standard output."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=seconds,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def tracked() -> set[str]:
    """Return the files that Git holds, with names relative to the repository."""
    git = shutil.which("git")
    if git is None or not (REPOSITORY / ".git").exists():
        pytest.skip("no git checkout")
    return {name for name in run(git, "ls-files", "-z", cwd=REPOSITORY).split("\0") if name}


def copy_what_git_holds(folder: Path) -> Path:
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, folder / name)
    return folder


@dataclass
class Built:
    """The files to publish.

    Args:
        sdist: The source distribution.
        wheel: The wheel, built from the sdist.
        direct_wheel: One built from the files themselves, which must not differ.
    """

    sdist: Path
    wheel: Path
    direct_wheel: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    if ready := os.environ.get("BUILT_PACKAGE"):
        source, dist = REPOSITORY, REPOSITORY / ready
    else:
        source, dist = folder / "source", folder / "dist"
        copy_what_git_holds(source)
        run(TOOLS / "uv", "build", "--out-dir", dist, cwd=source)
    run(TOOLS / "uv", "build", "--wheel", "--out-dir", folder / "direct", cwd=source)
    sdist, wheel = files_to_publish(dist)
    return Built(sdist, wheel, folder / "direct" / wheel.name)


def files_to_publish(folder: Path) -> tuple[Path, Path]:
    names = [f"{PACKAGE}-{VERSION}.tar.gz", f"{PACKAGE}-{VERSION}-py3-none-any.whl"]
    assert sorted(path.name for path in folder.glob("[!.]*")) == sorted(names)
    return folder / names[0], folder / names[1]


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"{PACKAGE}-{VERSION}.dist-info/METADATA").decode()
    return email.message_from_string(text)


# What is in them


def test_an_index_will_take_them(built: Built) -> None:
    """This also renders README.md the way an index shows it."""
    shown = run(
        TOOLS / "twine", "--no-color", "check", "--strict", built.sdist, built.wheel, cwd=REPOSITORY
    )
    assert shown.count("PASSED") == 2


def test_the_wheel_holds_the_package_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        names = set(archive.namelist())
        recorded = archive.read(f"{PACKAGE}-{VERSION}.dist-info/RECORD").decode()
    about = {name for name in names if ".dist-info/" in name}
    assert names - about == {name for name in tracked() if name.startswith(f"{PACKAGE}/")}
    assert f"{PACKAGE}/py.typed" in names
    assert {name.partition("/")[2] for name in about} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
    }
    assert {row[0] for row in csv.reader(io.StringIO(recorded))} == names


def test_the_sdist_holds_what_git_holds(built: Built, tmp_path: Path) -> None:
    top = f"{PACKAGE}-{VERSION}"
    with tarfile.open(built.sdist) as archive:
        names = {member.name for member in archive.getmembers() if member.isfile()}
    # by a command, because tarfile wants a filter, which Python 3.11 before its .4 does not know
    run("tar", "-xzf", built.sdist, "-C", tmp_path, cwd=tmp_path)
    assert names == {f"{top}/{name}" for name in {*tracked(), "PKG-INFO"}}
    # those tests that read the most of the other files
    most = (
        "behaviour/test_catalog",
        *(f"project/test_{name}" for name in ("pages", "project", "workflows")),
    )
    tests = [f"tests/{name}.py" for name in most]
    run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests, cwd=tmp_path / top)


def test_the_wheel_is_the_same_from_the_sdist(built: Built) -> None:
    assert built.wheel.read_bytes() == built.direct_wheel.read_bytes()


def test_the_metadata(built: Built) -> None:
    told = metadata(built.wheel)
    assert (told["Name"], told["Version"]) == (NAME, VERSION)
    assert told["Summary"] == PROJECT["description"]
    assert told["License-Expression"] == "Apache-2.0"
    assert told.get_all("License-File") == ["LICENSE"]
    assert told["Requires-Python"] == PROJECT["requires-python"] == f">={PYTHONS[0]}"
    assert told.get_all("Classifier") == PROJECT["classifiers"]
    assert len(told.get_all("Requires-Dist", [])) == len(PROJECT["dependencies"])
    assert told["Description-Content-Type"] == "text/markdown"
    assert str(told.get_payload()).strip() == as_an_index_shows_it().strip()
    with zipfile.ZipFile(built.wheel) as archive:
        commands = archive.read(f"{PACKAGE}-{VERSION}.dist-info/entry_points.txt").decode()
    assert commands.split() == [
        "[console_scripts]",
        NAME,
        "=",
        "tap_zendesk_events.__main__:main",
    ]


def as_an_index_shows_it() -> str:
    """Return the README, with the addresses of other files made whole."""
    text = README.text
    for target in {target for target in README.links() if not target.startswith(("#", "https:"))}:
        text = text.replace(f"]({target})", f"]({FILES}{target})")
    assert text.count(FILES) > 20
    return text


class Links(HTMLParser):
    """What a page of HTML links to, and what can be linked to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.places.add(found.get("id") or "")
        if tag == "a":
            self.targets.append(found.get("href") or "")


def test_no_link_is_dead_on_the_page_of_an_index(built: Built) -> None:
    """Rendered by the library that PyPI renders it with."""
    page_of_index = Links(render(str(metadata(built.wheel).get_payload())) or "")
    assert len(page_of_index.targets) > 20
    for target in page_of_index.targets:
        if target.startswith("#"):
            assert target[1:] in page_of_index.places, target
        elif target.startswith(FILES):
            path, _, anchor = target.removeprefix(FILES).partition("#")
            assert (REPOSITORY / path).exists(), target
            assert not anchor or anchor in page(path).anchors(), target
        else:
            assert target.startswith("https://"), target


# That it runs


class Installed:
    """An empty environment with the wheel in it, and an empty folder to work in."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.environment = folder / "environment"
        self.folder = folder / "empty"
        self.folder.mkdir()
        self.python = self.environment / "bin" / "python"
        self.command = self.environment / "bin" / NAME
        run(TOOLS / "uv", "venv", "--quiet", "--python", python, self.environment, cwd=self.folder)

    def install(self, *arguments: str | Path) -> None:
        run(
            *(TOOLS / "uv", "pip", "install", "--quiet", "--python", self.python),
            *arguments,
            cwd=self.folder,
        )
        run(TOOLS / "uv", "pip", "check", "--python", self.python, cwd=self.folder)

    def run(self, *command: str | Path, **variables: str) -> str:
        """Run a command without anything of this process's environment."""
        plain = {"HOME": str(self.folder), "PATH": os.defpath, **variables}
        return run(*command, cwd=self.folder, env=plain)

    def sync(self) -> None:
        """Run the tap against a simulated Zendesk; every event has to come, and a STATE."""
        with FakeZendesk(Account(make_events(EVENTS, seed=5))).serve() as url:
            settings = {
                "api_url": url,
                "client_id": "fake-client",
                "client_secret": "fake-client-secret",
                "start_date": "2023-11-14",
            }
            variables = {PREFIX + name.upper(): value for name, value in settings.items()}
            printed = self.run(self.command, "--config=ENV", **variables)
        kinds = [json.loads(line)["type"] for line in printed.splitlines()]
        assert kinds == ["SCHEMA", *["RECORD"] * EVENTS, "STATE"]


@pytest.fixture(scope="module", params=TRIED)
def installed(
    request: pytest.FixtureRequest, built: Built, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installed]:
    python = find_python(request.param)
    if python is None:
        pytest.skip(f"no Python {request.param} on this machine")
    place = Installed(tmp_path_factory.mktemp(f"python-{request.param}"), python)
    place.install("--constraint", PINS, built.wheel)
    yield place
    # ten megabytes each, and pytest keeps the folders of the last three runs
    shutil.rmtree(place.environment)


def test_what_runs_is_what_was_installed(installed: Installed) -> None:
    code = "import tap_zendesk_events.tap as module; print(module.__file__)"
    printed = installed.run(installed.python, "-W", "error", "-c", code)
    assert Path(printed.strip()).is_relative_to(installed.environment)


def test_version_about_and_discover(installed: Installed) -> None:
    assert installed.run(installed.command, "--version").startswith(f"{NAME} v{VERSION}, ")
    about = json.loads(installed.run(installed.command, "--about", "--format=json"))
    assert (about["name"], about["version"]) == (NAME, VERSION)
    assert about["supported_python_versions"] == PYTHONS
    catalog = REPOSITORY / "tests" / "snapshots" / "catalog.json"
    printed = json.loads(installed.run(installed.command, "--discover"))
    assert printed == json.loads(catalog.read_text(encoding="utf-8"))
    assert not list(installed.folder.iterdir())


def test_a_run(installed: Installed) -> None:
    installed.sync()


@pytest.mark.soak
@pytest.mark.parametrize("installed", [OWN_PYTHON], indirect=True)
def test_whoever_imports_it_sees_its_types(installed: Installed) -> None:
    code = "from tap_zendesk_events.tap import TapZendeskEvents as T; reveal_type(T.name)"
    printed = run(
        *(TOOLS / "mypy", "--strict", "--cache-dir", os.devnull),
        *("--python-executable", installed.python, "-c", code),
        cwd=installed.folder,
    )
    assert 'Revealed type is "str"' in printed


@pytest.mark.soak
def test_the_oldest_dependencies_that_are_allowed(built: Built, tmp_path: Path) -> None:
    """On the oldest Python here; of each dependency the oldest that pyproject.toml permits."""
    python = next(found for version in PYTHONS if (found := find_python(version)))
    place = Installed(tmp_path, python)
    # uv takes the oldest of what it is asked for directly, so the wheel alone would not do
    asked = metadata(built.wheel).get_all("Requires-Dist", [])
    place.install("--resolution", "lowest-direct", built.wheel, *asked)
    listed = run(
        *(TOOLS / "uv", "pip", "list", "--format=json", "--python", place.python), cwd=tmp_path
    )
    versions = {each["name"]: Version(each["version"]) for each in json.loads(listed)}
    for requirement in map(Requirement, asked):
        oldest = min(Version(part.version) for part in requirement.specifier)
        # a release that was withdrawn is passed over, so the last number may be higher
        assert versions[requirement.name].release[:2] == oldest.release[:2], requirement
    assert place.run(place.command, "--version").startswith(f"{NAME} v{VERSION}, ")
    place.sync()


def test_the_command_as_uvx_runs_it(built: Built, tmp_path: Path) -> None:
    printed = run(
        *(TOOLS / "uvx", "--quiet", "--isolated", "--python", sys.executable),
        *("--constraints", PINS, "--from", built.wheel, NAME, "--version"),
        cwd=tmp_path,
        env={**os.environ, "UV_TOOL_DIR": str(tmp_path / "tools")},
    )
    assert printed.startswith(f"{NAME} v{VERSION}, ")


# That its tests and hooks run in a clone


@pytest.mark.soak
def test_uv_runs_the_tests_of_a_fresh_clone(tmp_path: Path) -> None:
    kept = {k: v for k, v in os.environ.items() if k.startswith("UV_") or k == "SSL_CERT_FILE"}
    (tmp_path / "home").mkdir()
    printed = run(
        *(TOOLS / "uv", "run", "--quiet", "--python", sys.executable),
        *("pytest", "tests/project/test_pages.py", "tests/unit/test_times.py"),
        cwd=copy_what_git_holds(tmp_path / "clone"),
        env={**kept, "HOME": str(tmp_path / "home"), "PATH": os.defpath},
        seconds=400,
    )
    assert " passed" in printed


def test_a_hook_stops_a_commit_that_lint_would_stop(tmp_path: Path) -> None:
    clone = copy_what_git_holds(tmp_path / "clone")
    (clone / ".venv").symlink_to(REPOSITORY / ".venv")
    run("git", "init", "--quiet", cwd=clone)
    run("git", "add", ".pre-commit-config.yaml", cwd=clone)
    for text, status in (('"""Fine."""\n', 0), ("x = ( 1 )\n", 1)):
        (clone / "fresh.py").write_text(text, encoding="utf-8")
        run("git", "add", "fresh.py", cwd=clone)
        done = subprocess.run(
            [TOOLS / "pre-commit", "run", "ruff-format"],
            cwd=clone,
            env={**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "hooks")},
            capture_output=True,
            check=False,
            encoding="utf-8",
        )
        assert done.returncode == status, done.stdout + done.stderr


@pytest.mark.soak
def test_the_command_as_pipx_runs_it(built: Built, tmp_path: Path) -> None:
    home = {f"PIPX_{name}": str(tmp_path / name) for name in ("HOME", "BIN_DIR", "MAN_DIR")}
    printed = run(
        *(TOOLS / "pipx", "run", "--python", sys.executable),
        *(f"--pip-args=--constraint={PINS}", "--spec", built.wheel, NAME, "--version"),
        cwd=tmp_path,
        env={**os.environ, **home},
    )
    assert printed.startswith(f"{NAME} v{VERSION}, ")
