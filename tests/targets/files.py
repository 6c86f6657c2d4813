"""Targets that write files, on the machine or in a bucket."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tests.targets import readers
from tests.targets.candidate import Candidate, Place, Source, Variant

if TYPE_CHECKING:
    from collections.abc import Callable


def _folder(name: str, **more: Any) -> Callable[[Place], dict[str, Any]]:
    return lambda place: {name: str(place.folder / "stored"), **more}


def _nowhere(_: Place) -> dict[str, Any]:
    return {}


QUIET = {"disable_collection": True}
"""Otherwise these send usage statistics to their makers."""

CSV = partial(readers.csv_files, pattern="stored/*.csv")
JSONL = partial(readers.json_files, pattern="stored/*.jsonl")
OLD_CSV = Variant({}, _folder("destination_path", **QUIET), CSV, empty_is_null=True)
STAMPED = {"file_naming_scheme": "{stream_name}-{timestamp}.csv"}
PARQUET = partial(readers.elsewhere, kind="parquet", name="stored")


def _s3(kind: str, **shown: Any) -> Variant:
    read = PARQUET if kind == "parquet" else partial(readers.json_files, pattern="stored/**/*.gz")
    # many small files, because some names of files come again
    more = {"prefix": "zendesk", "max_batch_size": 100}
    return Variant({"format": {"format_type": kind}, **shown}, lambda _: more, read)


MOST_USED = (
    Candidate(
        "target-parquet",
        "1.1.2",
        2025,
        "target-parquet",
        (Variant({}, _folder("destination_path"), PARQUET),),
        source=Source("Automattic/target-parquet", "8bfbb1796e71d52863f821f5c1445525a6cea3d5"),
        variant="automattic",
    ),
)

OTHERS = (
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
        variant="meltanolabs",
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
        variant="andyh1203",
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
        variant="kgpayne",
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
                ("parquet", PARQUET),
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
    Candidate(
        "target-csv",
        "0.3.0",
        2019,
        "target-csv",
        (OLD_CSV,),
        ("setuptools<81",),
        variant="singer-io",
    ),
    Candidate(
        "target-csv",
        "0.3.0",
        2019,
        "target-csv",
        (OLD_CSV,),
        ("setuptools<81",),
        "3.9",
        variant="singer-io",
    ),
    Candidate(
        "target-s3",
        "1.0.7",
        2024,
        "target-s3",
        (
            *(_s3(kind) for kind in ("parquet", "json")),
            *(
                _s3(kind, append_date_to_filename_grain="microsecond")
                for kind in ("parquet", "json", "jsonl")
            ),
        ),
        beside=("setuptools<81",),
        source=Source("crowemi/target-s3", "c6d00e2cb807cc8b79eae89638c37b7a40fad1d0"),
        variant="crowemi",
        offline="s3",
        checked_with=("moto[server]",),
    ),
    Candidate(
        "plinxore-target-s3",
        "0.1.7",
        2026,
        "target-s3",
        tuple(_s3(kind) for kind in ("parquet", "json", "jsonl")),
        variant="plinxore",
        offline="s3",
        checked_with=("moto[server]",),
    ),
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
)
