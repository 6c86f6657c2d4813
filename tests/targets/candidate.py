"""What a target is, how it is installed and configured, and where what it stores is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

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
class Source:
    """A commit of a repository from which a target is installed, as `pip_url` of the Hub has it.

    Args:
        repository: Owner and name.
        commit: The whole hash.
    """

    repository: str
    commit: str


@dataclass(frozen=True)
class Candidate:
    """A target, from the package index or from its repository.

    Args:
        name: Name of its distribution.
        version: Its newest version.
        released: The year of that version, or of the commit.
        command: Its console script.
        variants: The ways to configure it.
        beside: What has to be installed beside it, and is not among its requirements.
        python: The version of Python that it runs with.
        needs_database: Whether it wants a PostgreSQL.
        source: Where its repository is, if users install it from there.
        variant: The name of this variant of the plugin on Meltano Hub; empty if it is not listed.
        offline: The program of `offline` that runs it where there is no such service.
        checked_with: What that program needs beside the target.
    """

    name: str
    version: str
    released: int
    command: str
    variants: tuple[Variant, ...]
    beside: tuple[str, ...] = ()
    python: str = USUAL_PYTHON
    needs_database: bool = field(default=False, kw_only=True)
    source: Source | None = field(default=None, kw_only=True)
    variant: str = field(default="", kw_only=True)
    offline: str = field(default="", kw_only=True)
    checked_with: tuple[str, ...] = field(default=(), kw_only=True)

    def requirements(self, address: str = "") -> str:
        """What to install, a line each; `address` is that of its source, if it has one."""
        own = f"{self.name} @ {address}" if self.source else f"{self.name}=={self.version}"
        return "".join(f"{line}\n" for line in (own, *self.beside, *self.checked_with))

    @property
    def slug(self) -> str:
        """A name for its files."""
        whose = self.source.repository.partition("/")[0].lower() + "-" if self.source else ""
        parts = [whose + self.name, *(name.partition("<")[0] for name in self.beside)]
        if self.python != USUAL_PYTHON:
            parts.append(f"python-{self.python}")
        return "-with-".join(parts)

    @property
    def pins(self) -> Path:
        """The file with the versions of everything that is installed from the package index."""
        return HERE / "requirements" / f"{self.slug}.txt"
