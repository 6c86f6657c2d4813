"""What GitHub runs and shows: workflows, forms, Dependabot; and whether a tag may be released."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.docs import page
from tests.support.package import PACKAGE
from tests.support.release import main, notes, problems

REPOSITORY = Path(__file__).resolve().parents[2]
GITHUB = REPOSITORY / ".github"
PROJECT: dict[str, Any] = tomllib.loads(
    (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
)["project"]
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
PYTHONS = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
WORKFLOWS = {path.stem: path for path in sorted((GITHUB / "workflows").iterdir())}


def load(path: Path) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def triggers(workflow: str) -> Any:
    # YAML 1.1 takes the word `on` for true
    return load(WORKFLOWS[workflow])[True]


def jobs(workflow: str) -> dict[str, Any]:
    found: dict[str, Any] = load(WORKFLOWS[workflow])["jobs"]
    return found


def steps(*names: str) -> list[dict[str, Any]]:
    """Return every step of these workflows, or of all."""
    chosen = (jobs(name).values() for name in names or WORKFLOWS)
    return [step for workflow in chosen for job in workflow for step in job["steps"]]


def commands(*names: str) -> list[str]:
    return [step["run"] for step in steps(*names) if "run" in step]


# Workflows


def test_these_are_the_workflows() -> None:
    assert set(WORKFLOWS) == {"prerelease", "release", "test"}
    assert all(path.suffix == ".yml" for path in WORKFLOWS.values())


def test_every_command_is_a_make_target() -> None:
    """So that whatever fails there can be run at home, with one command."""
    for command in commands():
        found = re.fullmatch(r"make ([a-z-]+)", command)
        assert found, command
        assert found[1] in TARGETS


@pytest.mark.parametrize("workflow", ["release", "test"])
def test_they_run_what_the_own_checks_run(workflow: str) -> None:
    text = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    own = set(re.findall(r"^make .*$", text, re.MULTILINE))
    assert own >= {"make lint", "make test"}
    assert own <= set(commands(workflow))


def test_less_coverage_than_98_percent_fails_there() -> None:
    assert "make coverage" in commands("test")
    (recipe,) = re.findall(r"^coverage:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    *_, last = recipe.splitlines()
    assert last == "\t$(BIN)/python -m coverage report"
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    configured = tomllib.loads(text)["tool"]["coverage"]
    assert configured["report"]["fail_under"] == 98
    assert configured["report"]["exclude_also"] == ["raise NotImplementedError"]
    assert configured["run"]["branch"]
    assert "subprocess" in configured["run"]["patch"]
    # nothing of the package is taken out by a comment
    assert not [path for path in PACKAGE.rglob("*.py") if "pragma" in path.read_text("utf-8")]


def test_the_next_sdk_is_tried_each_week_and_by_hand_only() -> None:
    schedule = triggers("prerelease")
    assert schedule.keys() == {"schedule", "workflow_dispatch"}
    ((when,),) = (entry.values() for entry in schedule["schedule"])
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", when)
    assert commands("prerelease") == ["make test-prerelease"]
    (recipe,) = re.findall(r"^test-prerelease:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert "--override requirements/prerelease.txt" in recipe
    lines = (
        (REPOSITORY / "requirements" / "prerelease.txt").read_text(encoding="utf-8").splitlines()
    )
    (override,) = (line for line in lines if not line.startswith("#"))
    (pinned,) = (name for name in PROJECT["dependencies"] if name.startswith("singer-sdk"))
    assert override.partition(">=")[0] == pinned.partition("~=")[0]


def test_every_action_is_pinned() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS.values():
        for line in re.findall(r"uses:.*", path.read_text(encoding="utf-8")):
            found = re.fullmatch(r"uses: ([\w-]+/[\w-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)", line)
            assert found, line
            pins.setdefault(found[1], set()).add(found[2])
    assert all(len(found) == 1 for found in pins.values()), pins


def test_they_test_on_every_python_that_the_package_names() -> None:
    matrix = jobs("test")["test"]["strategy"]["matrix"]
    assert matrix["python"] == PYTHONS
    assert matrix["os"] == ["ubuntu-latest"]
    (more,) = matrix["include"]
    assert more["os"] == "macos-latest"
    assert more["python"] in PYTHONS
    (step,) = (step for step in jobs("test")["test"]["steps"] if step.get("run") == "make test")
    assert step["env"] == {"PYTHON": "python${{ matrix.python }}"}


def test_they_try_the_package_on_every_python_that_it_names() -> None:
    found = [
        str(step["with"]["python-version"]).split()
        for workflow in WORKFLOWS
        for job in jobs(workflow).values()
        if "make package" in [step.get("run") for step in job["steps"]]
        for step in job["steps"]
        if "setup-python" in step.get("uses", "")
    ]
    assert found == [PYTHONS, PYTHONS]


def test_nobody_gets_more_rights_than_needed() -> None:
    for workflow, path in WORKFLOWS.items():
        text = path.read_text(encoding="utf-8")
        assert "secrets" not in text
        assert "pull_request_target" not in text
        assert load(path)["permissions"] == {}
        for name, job in jobs(workflow).items():
            special = {"publish": {"id-token": "write"}, "announce": {"contents": "write"}}
            wanted = special.get(name) if workflow == "release" else None
            assert (name, job["permissions"]) == (name, wanted or {"contents": "read"})
            assert job["timeout-minutes"]
    checkouts = [step for step in steps() if "actions/checkout@" in step.get("uses", "")]
    assert checkouts
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


def test_only_a_tag_publishes_and_only_what_was_checked() -> None:
    assert triggers("test") == {"push": {"branches": ["main"]}, "pull_request": None}
    assert triggers("release") == {"push": {"tags": ["v*"]}}
    publish = jobs("release")["publish"]
    assert publish["needs"] == "build"
    assert publish["environment"] == "pypi"
    # no code of this repository runs with the right to publish
    used = [step["uses"].partition("@")[0] for step in publish["steps"]]
    assert used == ["actions/download-artifact", "pypa/gh-action-pypi-publish"]
    assert "with" not in publish["steps"][-1]  # with attestations, to the usual index
    build = jobs("release")["build"]["steps"]
    made = ["release-check", "lint", "test", "package", "github-release"]
    assert commands("release") == [f"make {target}" for target in made]
    (check,) = (step for step in build if step.get("run") == "make release-check")
    assert check["env"] == {"TAG": "${{ github.ref_name }}"}
    uploaded, fetched = build[-1], publish["steps"][0]
    assert uploaded["uses"].startswith("actions/upload-artifact@")
    assert uploaded["with"] == {"name": "dist", "path": "dist/", "if-no-files-found": "error"}
    assert fetched["with"] == {"name": "dist", "path": "dist/"}


def test_what_was_published_is_announced_on_github() -> None:
    announce = jobs("release")["announce"]
    assert announce["needs"] == "publish"
    checkout, fetched, made = announce["steps"]
    assert checkout["uses"].startswith("actions/checkout@")
    assert fetched["with"] == {"name": "dist", "path": "dist/"}
    assert made["env"] == {"TAG": "${{ github.ref_name }}", "GH_TOKEN": "${{ github.token }}"}


# Before a commit


def test_the_hooks_are_the_tools_of_make_lint() -> None:
    (repo,) = load(REPOSITORY / ".pre-commit-config.yaml")["repos"]
    assert repo["repo"] == "local"
    hooks = [hook["entry"].removeprefix(".venv/bin/") for hook in repo["hooks"]]
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert recipe
    linters = re.findall(r"\$\(BIN\)/(.*)", recipe[1])
    assert linters.pop() == "pre-commit validate-config"
    assert len(hooks) == len(linters) > 8
    for hook, linter in zip(hooks, linters, strict=True):
        assert linter.startswith(hook.removesuffix(" --force-exclude"))


def test_what_the_hooks_look_at_is_there() -> None:
    (repo,) = load(REPOSITORY / ".pre-commit-config.yaml")["repos"]
    found = (path for top in (REPOSITORY / "hub", GITHUB) for path in top.rglob("*"))
    names = [str(path.relative_to(REPOSITORY)) for path in found if path.is_file()]
    for hook in repo["hooks"]:
        pattern = hook.get("files", "")
        assert any(re.search(pattern, name) for name in [*names, "meltano.yml"]), hook["id"]


# Releases


CHANGELOG = """\
# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-30

### Added

- Something.

## [1.1.0] - 2026-10-01

- Something else.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_a_release_with_the_right_tag_and_a_section_may_go(folder: Path) -> None:
    assert problems("v1.2.0", folder) == []


@pytest.mark.parametrize("tag", ["1.2.0", "v1.2", "v1.2.0rc1", "v1.1.0", "v1.2.0\n", ""])
def test_another_tag_may_not(folder: Path, tag: str) -> None:
    (problem,) = problems(tag, folder)
    assert repr(tag) in problem
    assert "'1.2.0'" in problem


@pytest.mark.parametrize(
    ("heading", "problem"),
    [
        ("## [Unreleased]", "no section"),
        ("## [1.2.0.1] - 2026-11-30", "no section"),
        ("## 1.2.0 - 2026-11-30", "no section"),
        ("## [1.2.0]", "does not end with ' - YYYY-MM-DD'"),
        ("## [1.2.0] - soon", "does not end with ' - YYYY-MM-DD'"),
        ("## [1.2.0] - 2026-11-31", "does not end with ' - YYYY-MM-DD'"),
        ("## [1.2.0] - 2026-11-30\n\n## [1.1.9] - 2026-11-01", "lists no change"),
        ("## [1.2.0] - 2026-11-30\n\n## [1.2.0] - 2026-11-30", "2 sections"),
    ],
)
def test_without_a_dated_section_it_may_not(folder: Path, heading: str, problem: str) -> None:
    text = CHANGELOG.replace("## [1.2.0] - 2026-11-30", heading)
    (folder / "CHANGELOG.md").write_text(text)
    (found,) = problems("v1.2.0", folder)
    assert problem in found


def test_the_notes_are_the_section_without_its_heading(folder: Path) -> None:
    assert notes("v1.2.0", folder) == "### Added\n\n- Something.\n"
    assert notes("v1.1.0", folder) == "- Something else.\n"


def test_notes_lead_to_no_file_of_the_repository() -> None:
    """The page of a release is elsewhere, so that such a link would be dead there."""
    assert not [target for target in page("CHANGELOG.md").links() if "://" not in target]


GH = """\
#!/bin/sh
printf '%s\\n' "$@" > asked.txt
"""


@pytest.mark.parametrize(("tag", "status"), [("v1.2.0", 0), ("v1.1.0", 2)])
def test_the_release_on_github_has_notes_and_files(folder: Path, tag: str, status: int) -> None:
    (folder / "Makefile").write_text(MAKEFILE, encoding="utf-8")
    for name in ("tests/support", "dist", "bin"):
        (folder / name).mkdir(parents=True)
    for name in ("__init__.py", "support/__init__.py", "support/release.py"):
        shutil.copy(REPOSITORY / "tests" / name, folder / "tests" / name)
    for name in ("a.whl", "b.tar.gz"):
        (folder / "dist" / name).touch()
    (folder / "bin" / "gh").write_text(GH, encoding="utf-8")
    (folder / "bin" / "gh").chmod(0o755)
    (folder / "bin" / "python3").symlink_to(sys.executable)
    done = subprocess.run(
        ["make", "github-release"],
        cwd=folder,
        env={"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "TAG": tag},
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == status, done.stderr
    if status:
        assert not (folder / "asked.txt").exists()
        return
    asked = (folder / "asked.txt").read_text(encoding="utf-8").split()
    assert asked[:3] == ["release", "create", tag]
    assert asked[-2:] == ["dist/a.whl", "dist/b.tar.gz"]
    written = folder / asked[asked.index("--notes-file") + 1]
    assert written.read_text(encoding="utf-8") == notes(tag, folder)


def test_the_command_tells_its_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["v0.0.0"]) == 1
    assert "v0.0.0" in capsys.readouterr().err
    assert main(["--notes", "v0.0.0"]) == 1
    assert capsys.readouterr().out == ""


# Forms, Dependabot, and the page for those who work on the tap


def test_a_report_says_what_helps() -> None:
    form = load(GITHUB / "ISSUE_TEMPLATE" / "bug.yml")
    asked = {field["id"]: field for field in form["body"] if "id" in field}
    needed = {name for name, field in asked.items() if field.get("validations", {}).get("required")}
    assert {"version", "about", "environment", "log", "expected", "actual"} <= needed
    assert "state" in asked.keys() - needed
    assert "tap-zendesk-events --version" in asked["version"]["attributes"]["description"]
    assert "tap-zendesk-events --about" in asked["about"]["attributes"]["description"]
    warning = form["body"][0]["attributes"]["value"]
    assert "tokens" in warning
    assert "names" in warning


def test_nobody_reports_a_leak_in_public() -> None:
    config = load(GITHUB / "ISSUE_TEMPLATE" / "config.yml")
    assert config["blank_issues_enabled"] is False
    (link,) = config["contact_links"]
    assert link["url"] == f"{PROJECT['urls']['Repository']}/security/policy"
    assert (REPOSITORY / "SECURITY.md").exists()


def test_dependabot_looks_after_actions_and_packages() -> None:
    updates = load(GITHUB / "dependabot.yml")["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "uv"}
    assert all(update["schedule"] == {"interval": "monthly"} for update in updates)


def test_contributing_names_every_target_and_only_files_that_exist() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z-]+)", text))
    assert named == set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))
    paths = re.findall(r"`((?:\.?\w[\w.-]*/)+[\w.-]*|[\w-]+\.(?:md|toml))`", text)
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert paths
    assert not [path for path in (*paths, *links) if not (REPOSITORY / path).exists()]
