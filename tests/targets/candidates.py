"""The targets that are tried, with the smallest settings that work for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.targets import readers

if TYPE_CHECKING:
    from tests.support.postgres import Database
    from tests.targets.compare import Row

Stored: TypeAlias = dict[str, list["Row"]]
HERE = Path(__file__).resolve().parent
USUAL_PYTHON = "3.11"


@dataclass(frozen=True)
class Place:
    """Where a target stores what it gets.

    Args:
        folder: Its working folder, empty at first.
        python: The Python of its environment.
        database: An empty database, for those that need one.
    """

    folder: Path
    python: Path
    database: Database | None = None


Read: TypeAlias = Callable[[Place], Stored]


@dataclass(frozen=True)
class Variant:
    """A way to configure a target.

    Args:
        shown: The settings that matter, as they stand in `meltano.yml`.
        config: More settings: where it stores, and whatever else it insists on.
        read: Reads back what it stored.
        empty_is_null: Its format cannot tell null from empty text.
    """

    shown: dict[str, Any]
    config: Callable[[Place], dict[str, Any]]
    read: Read
    empty_is_null: bool = False


@dataclass(frozen=True)
class Candidate:
    """A target from the package index.

    Args:
        name: Name of its distribution.
        version: Its newest version.
        released: The year of that version.
        command: Its console script.
        variants: The ways to configure it.
        beside: What has to be installed beside it, and is not among its requirements.
        python: The version of Python that it runs with.
        needs_database: Whether it wants a PostgreSQL.
    """

    name: str
    version: str
    released: int
    command: str
    variants: tuple[Variant, ...]
    beside: tuple[str, ...] = ()
    python: str = USUAL_PYTHON
    needs_database: bool = field(default=False, kw_only=True)

    @property
    def requirement(self) -> str:
        """What to install, without the versions of everything that comes with it."""
        return " ".join([f"{self.name}=={self.version}", *self.beside])

    @property
    def slug(self) -> str:
        """A name for its files."""
        parts = [self.name, *(name.partition("<")[0] for name in self.beside)]
        if self.python != USUAL_PYTHON:
            parts.append(f"python-{self.python}")
        return "-with-".join(parts)

    @property
    def pins(self) -> Path:
        """The file with the versions of everything that is installed."""
        return HERE / "requirements" / f"{self.slug}.txt"


def _postgres(**shown: Any) -> Variant:
    def config(place: Place) -> dict[str, Any]:
        assert place.database
        url = place.database.sqlalchemy_url
        return {"sqlalchemy_url": url, "default_target_schema": "zendesk"}

    return Variant(shown, config, partial(readers.postgres, schema="zendesk"))


def _pipelinewise(place: Place) -> dict[str, Any]:
    assert place.database
    return {
        **readers.connection(place.database),
        "password": "unused",
        "default_target_schema": "zendesk",
    }


def _folder(name: str, **more: Any) -> Callable[[Place], dict[str, Any]]:
    return lambda place: {name: str(place.folder / "stored"), **more}


def _nowhere(_: Place) -> dict[str, Any]:
    return {}


QUIET = {"disable_collection": True}
"""Otherwise these send usage statistics to their makers."""

CSV = partial(readers.csv_files, pattern="stored/*.csv")
JSONL = partial(readers.json_files, pattern="stored/*.jsonl")
DUCKDB = Variant(
    {"default_target_schema": "zendesk"},
    # many small loads, because some loads lose their first row
    lambda place: {"path": str(place.folder / "events.duckdb"), "batch_size_rows": 100},
    partial(readers.elsewhere, kind="duckdb", name="events.duckdb"),
)
OLD_CSV = Variant({}, _folder("destination_path", **QUIET), CSV, empty_is_null=True)
SQLITE = Variant(
    {},
    lambda place: {"database": str(place.folder / "events.db")},
    partial(readers.sqlite, name="events.db"),
)
STAMPED = {"file_naming_scheme": "{stream_name}-{timestamp}.csv"}

CANDIDATES = (
    Candidate(
        "meltanolabs-target-postgres",
        "0.8.1",
        2026,
        "target-postgres",
        (
            _postgres(load_method="upsert"),
            _postgres(load_method="upsert", use_copy=True),
            _postgres(load_method="append-only"),
            _postgres(load_method="overwrite"),
        ),
        needs_database=True,
    ),
    Candidate(
        "pipelinewise-target-postgres",
        "2.1.2",
        2023,
        "target-postgres",
        (
            Variant(
                {"default_target_schema": "zendesk"},
                _pipelinewise,
                partial(readers.postgres, schema="zendesk"),
            ),
        ),
        needs_database=True,
    ),
    Candidate(
        "target-duckdb",
        "0.8.0",
        2024,
        "target-duckdb",
        (DUCKDB,),
        beside=("duckdb<1.3",),
    ),
    Candidate("target-duckdb", "0.8.0", 2024, "target-duckdb", (DUCKDB,)),
    Candidate(
        "meltanolabs-target-csv",
        "0.5.0",
        2026,
        "target-csv",
        (
            Variant(STAMPED, _folder("output_path"), CSV, empty_is_null=True),
            Variant(
                {**STAMPED, "flattening_enabled": True, "flattening_max_depth": 1},
                _folder("output_path"),
                CSV,
                empty_is_null=True,
            ),
            Variant({}, _folder("output_path"), CSV, empty_is_null=True),
            Variant(
                {"overwrite_behavior": "append_records"},
                _folder("output_path"),
                CSV,
                empty_is_null=True,
            ),
        ),
    ),
    Candidate(
        "target-jsonl",
        "0.1.4",
        2022,
        "target-jsonl",
        (
            Variant({}, _folder("destination_path"), JSONL),
            Variant({"do_timestamp_file": False}, _folder("destination_path"), JSONL),
        ),
    ),
    Candidate(
        "target-s3-jsonl",
        "2.0.1",
        2022,
        "target-s3-jsonl",
        (
            Variant(
                {"local": True},
                _folder("work_dir", s3_bucket="unused"),
                partial(readers.json_files, pattern="stored/*.json"),
            ),
        ),
    ),
    Candidate(
        "target-singer-jsonl",
        "0.1.0",
        2023,
        "target-singer-jsonl",
        (
            Variant(
                {"destination": "local"},
                lambda place: {"local": {"folder": str(place.folder / "stored")}},
                partial(readers.json_files, pattern="stored/*/*.singer.gz"),
            ),
        ),
    ),
    Candidate(
        "target-universal-file",
        "0.0.1",
        2025,
        "target-universal-file",
        tuple(
            Variant(
                {"file_type": kind},
                _folder("path", protocol="local"),
                read,
                empty_is_null=kind == "csv",
            )
            for kind, read in (
                ("jsonl", JSONL),
                ("csv", CSV),
                ("parquet", partial(readers.elsewhere, kind="parquet", name="stored")),
            )
        ),
    ),
    Candidate(
        "target-json",
        "0.0.11",
        2018,
        "target-json",
        (
            Variant(
                {"delimiter": "\n"},
                _nowhere,
                partial(readers.json_files, pattern="ticket_*.json"),
            ),
        ),
        beside=("pytz",),
    ),
    Candidate("target-csv", "0.3.0", 2019, "target-csv", (OLD_CSV,), ("setuptools<81",)),
    Candidate("target-csv", "0.3.0", 2019, "target-csv", (OLD_CSV,), ("setuptools<81",), "3.9"),
    Candidate("target-sqlite", "0.2.0", 2019, "target-sqlite", (SQLITE,)),
    Candidate("target-sqlite", "0.2.0", 2019, "target-sqlite", (SQLITE,), python="3.9"),
    Candidate(
        "target-avro",
        "0.2.0",
        2021,
        "target-avro",
        (
            Variant(
                {"prefix": "events"},
                lambda _: QUIET,
                partial(readers.elsewhere, kind="avro", name="."),
            ),
        ),
        beside=("setuptools<81",),
    ),
    Candidate(
        "target-parquet",
        "0.0.1",
        2019,
        "target-parquet",
        (Variant({}, _nowhere, readers.nothing),),
    ),
    Candidate(
        "singer-target-postgres",
        "0.2.4",
        2020,
        "target-postgres",
        (Variant({}, _nowhere, readers.nothing),),
        needs_database=True,
    ),
    Candidate(
        "target-postgres",
        "1.1.3",
        2018,
        "target-postgres",
        (Variant({}, _nowhere, readers.nothing),),
        needs_database=True,
    ),
)
