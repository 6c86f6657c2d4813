"""What Meltano itself says about meltano.yml."""

from __future__ import annotations

import json
from importlib.resources import files

import yaml
from jsonschema import Draft202012Validator

from tests.meltano_project import REPOSITORY


def test_the_project_file_is_valid() -> None:
    schema = files("meltano").joinpath("schemas/meltano.schema.json").read_text(encoding="utf-8")
    project = yaml.safe_load((REPOSITORY / "meltano.yml").read_text(encoding="utf-8"))
    problems = Draft202012Validator(json.loads(schema)).iter_errors(project)
    assert [f"{list(problem.path)}: {problem.message}" for problem in problems] == []
