"""Which variant Meltano Hub lists first, of each plugin that is tried here.

From ``_data/default_variants.yml`` of the Hub's repository. ``meltano add`` takes that variant
unless it is told another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.targets.candidate import Candidate

AS_OF = "2026-08-02"
LISTED_FIRST = {
    "target-bigquery": "z3z1ma",
    "target-csv": "meltanolabs",
    "target-duckdb": "meltanolabs",
    "target-jsonl": "andyh1203",
    "target-parquet": "automattic",
    "target-postgres": "meltanolabs",
    "target-redshift": "ticketswap",
    "target-s3": "crowemi",
    "target-singer-jsonl": "kgpayne",
    "target-snowflake": "meltanolabs",
    "target-sqlite": "meltanolabs",
}


def is_listed_first(candidate: Candidate) -> bool:
    """Whether `meltano add` installs this one."""
    return bool(candidate.variant) and LISTED_FIRST.get(candidate.command) == candidate.variant


def listing(candidate: Candidate) -> str:
    """Return what the tables say of a target's place on the Hub."""
    if is_listed_first(candidate):
        return "listed first"
    return f"variant `{candidate.variant}`" if candidate.variant else "not listed"
