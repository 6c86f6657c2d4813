"""The streams, as the SDK sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.helpers.conform import TypeConformanceLevel
from typing_extensions import override

from tap_zendesk_events import schema
from tap_zendesk_events.bookmark import Bookmark, describe, read_bookmark
from tap_zendesk_events.errors import ZendeskEventsError
from tap_zendesk_events.record import TicketEventRecords
from tap_zendesk_events.sdk_hooks import HookedStream, QuietStart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from singer_sdk.helpers._batch import BatchConfig
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import Catalog

    from tap_zendesk_events.tap import TapZendeskEvents

FULL_TABLE = "FULL_TABLE"
INCREMENTAL = "INCREMENTAL"


class TicketEventsStream(HookedStream):
    """The events as Zendesk sends them, `child_events` included."""

    name = "ticket_events"
    schema: ClassVar[dict[str, Any]] = schema.TICKET_EVENTS
    primary_keys: Sequence[str] = ("id",)
    replication_key = "timestamp"
    bookmark_key: ClassVar[str] = "timestamp"
    # Records are made to fit the schema, and what is nested in them is JSON already.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.ROOT_ONLY

    def __init__(self, tap: TapZendeskEvents) -> None:
        self.tap = tap
        super().__init__(tap)
        self.logger.addFilter(QuietStart())

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        super().apply_catalog(catalog)
        # A catalog without keys means ours: without them the SDK would load everything anew, and
        # targets would append instead of update.
        self.primary_keys = tuple(self.primary_keys) or type(self).primary_keys
        self.replication_key = self.replication_key or self.bookmark_key
        if entry := catalog.get_stream(self.name):
            entry.key_properties = list(self.primary_keys)
        if self.replication_key != self.bookmark_key:
            raise ZendeskEventsError(
                f"The catalog asks for another replication key of {self.name} than "
                f"{self.bookmark_key}, which is the only one: remove it from the catalog or "
                "from the stream's metadata in meltano.yml."
            )
        if self.forced_replication_method not in {None, FULL_TABLE, INCREMENTAL}:
            raise ZendeskEventsError(
                f"The catalog asks for another replication method of {self.name} than "
                f"{INCREMENTAL} or {FULL_TABLE}: change the stream's metadata in meltano.yml."
            )

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> BatchConfig | None:
        # BATCH would write deselected columns in this SDK version
        return None

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        connection = self.tap.connect()
        progress = connection.progress
        bookmark = self._bookmark(connection.settings.start)
        progress.started(connection.settings.host, bookmark.second, describe(bookmark))
        walk = connection.walk(bookmark.second)
        records = TicketEventRecords(self.logger)
        for page in walk.pages():
            events = bookmark.fresh(page, walk.window_end)
            for event in events:
                yield records.record(event)
            # only here are the page's records written
            bookmark.pass_page(page, walk.window_end)
            progress.wrote(self.name, len(events))
            progress.page(page, bookmark.second)
            self._save(bookmark)
        progress.finished()

    def _bookmark(self, start: int) -> Bookmark:
        if self.replication_method == FULL_TABLE:
            return Bookmark(start, moved=False)
        found = read_bookmark(self.stream_state, self.name, self.bookmark_key)
        return found or Bookmark(start, moved=False)

    def _save(self, bookmark: Bookmark) -> None:
        """Write a STATE with the bookmark, unless nothing has changed."""
        if not bookmark.moved or self.replication_method == FULL_TABLE:
            return
        self.stream_state.clear()
        self.stream_state.update(bookmark.to_state(self.bookmark_key))
        self.tap.state_writer.write_state(self.tap.state)
