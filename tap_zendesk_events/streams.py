"""The streams, as the SDK sees them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import Metadata
from typing_extensions import override

from tap_zendesk_events.exceptions import ZendeskEventsError
from tap_zendesk_events.rows import schema
from tap_zendesk_events.rows.comments import comments, without_sideload
from tap_zendesk_events.rows.field_changes import field_changes
from tap_zendesk_events.rows.records import TicketEventRecords, TicketMetricEventRecords
from tap_zendesk_events.rows.values import WarnOnce
from tap_zendesk_events.singer.hooks import HookedStream, quiet
from tap_zendesk_events.times import iso
from tap_zendesk_events.walk.bookmark import Bookmark
from tap_zendesk_events.walk.coverage import Coverage, Stretch
from tap_zendesk_events.walk.metric_bookmark import MetricBookmark
from tap_zendesk_events.walk.saved_bookmark import (
    SavedBookmark,
    ahead_to_state,
    read_bookmark,
    unusable,
)
from tap_zendesk_events.zendesk.export import TICKET_EVENTS, TICKET_METRIC_EVENTS, Export

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from singer_sdk.helpers._batch import BatchConfig
    from singer_sdk.singerlib import Catalog
    from singer_sdk.singerlib.catalog import CatalogEntry

    from tap_zendesk_events.rows.records import Row
    from tap_zendesk_events.singer.hooks import HookedTap
    from tap_zendesk_events.zendesk.page import Event

FULL_TABLE = "FULL_TABLE"
INCREMENTAL = "INCREMENTAL"


class ZendeskStream(HookedStream):
    """What all streams share: the bookmark, and what a catalog may ask for."""

    export: ClassVar[Export]
    """The export that it comes out of."""

    wants_comments: ClassVar[bool] = False
    """Whether the export has to show comments with their bodies."""

    # Records are made to fit the schema, and what is nested in them is JSON already.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.ROOT_ONLY

    def __init__(self, tap: HookedTap) -> None:
        super().__init__(tap)
        self.warn = WarnOnce(self.logger)
        quiet(self.logger)

    def rows(self, event: Event) -> Iterable[Row]:
        """Return the records that an event makes in this stream."""
        raise NotImplementedError

    @property
    def own_keys(self) -> tuple[str, ...]:
        """The primary keys, whatever a catalog says."""
        keys: tuple[str, ...] = type(self).__dict__["primary_keys"]
        return keys

    @property
    def bookmark_key(self) -> str:
        """The replication key, whatever a catalog says."""
        return str(type(self).replication_key)

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        super().apply_catalog(catalog)
        # A catalog without keys means ours: without them the SDK would load everything anew, and
        # targets would append instead of update.
        self.primary_keys = self.primary_keys or self.own_keys
        self.replication_key = self.replication_key or self.bookmark_key
        if entry := catalog.get_stream(self.name):
            self._complete(entry)
        if tuple(self.primary_keys) != self.own_keys:
            raise ZendeskEventsError(
                f"The catalog asks for other keys of {self.name} than {', '.join(self.own_keys)}, "
                "by which a target tells the rows apart: remove key_properties from the catalog."
            )
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

    def _complete(self, entry: CatalogEntry) -> None:
        """Give the catalog's entry the keys that it lacks, selected whatever it says."""
        entry.key_properties = list(self.primary_keys)
        root = entry.metadata.root
        if root.selected is None and root.selected_by_default is None:
            # the SDK would select a stream of which the catalog says nothing: comment bodies too
            root.selected_by_default = self.selected_by_default
        needed = (*self.own_keys, self.bookmark_key)
        for name in needed if entry.metadata else ():
            metadata = entry.metadata.setdefault(("properties", name), Metadata())
            metadata.inclusion = Metadata.InclusionType.AUTOMATIC
        lacking = [name for name in needed if name not in (entry.schema.properties or {})]
        if lacking and self.selected:
            raise ZendeskEventsError(
                f"The catalog's schema of {self.name} lacks {', '.join(lacking)}, without which "
                "nothing can be stored: make the catalog anew with --discover."
            )

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> BatchConfig | None:
        # BATCH would write deselected columns in this SDK version
        return None

    @property
    def keeps_bookmark(self) -> bool:
        """Whether a run goes on where the last one ended."""
        return self.replication_method != FULL_TABLE

    def load_coverage(self, start: int) -> Coverage:
        """Return what the stream has written, up to the epoch second `start` if nothing tells.

        Raises:
            ZendeskEventsError: There is a bookmark that cannot be understood.
        """
        saved = None
        if self.keeps_bookmark:
            saved = read_bookmark(self.stream_state, self.name, self.bookmark_key)
        is_set = saved is not None
        saved = saved or SavedBookmark(start, [], [])
        bookmark = self.bookmark_from(saved, is_set=is_set)
        return Coverage(bookmark, self._ahead_of(saved), by_time=self.export.can_be_cut)

    def bookmark_from(self, saved: SavedBookmark, *, is_set: bool) -> Bookmark:
        """Return a bookmark with the rule by which this stream moves on."""
        return Bookmark(saved.second, saved.ids, is_set=is_set)

    def adopt_state(self, state: dict[str, Any]) -> None:
        """Take over the stream's part of a state, in the one form that the tap writes.

        Raises:
            ZendeskEventsError: It is not empty, and holds no bookmark that can be understood.
        """
        saved = read_bookmark(state, self.name, self.bookmark_key)
        if saved is None and state:
            raise unusable(self.name, "it has no replication_key_value")
        if saved is not None:
            for what, belong in (("ids", saved.ids_belong), ("segments", saved.ahead_belongs)):
                if not belong:
                    self.logger.info(
                        "The bookmark of %s was moved to %s by hand or by a merge of states: the "
                        "%s that were kept beside the former one count for nothing.",
                        self.name,
                        iso(saved.second),
                        what,
                    )
        # what others wrote beside the bookmark is of no use to us
        self.stream_state.clear()
        if saved is not None:
            self.store(self.bookmark_from(saved, is_set=True), self._ahead_of(saved))

    def _ahead_of(self, saved: SavedBookmark) -> Sequence[Stretch]:
        # where pages, not times, say what is settled, there is always one segment
        return saved.ahead if self.export.can_be_cut else ()

    def store(self, bookmark: Bookmark, ahead: Sequence[Stretch] = ()) -> None:
        """Put what is written into the tap's state, in the one form that the tap writes.

        Args:
            bookmark: Up to where all of it is.
            ahead: What is written ahead of that.
        """
        self.stream_state.clear()
        self.stream_state.update(bookmark.to_state(self.bookmark_key))
        self.stream_state.update(ahead_to_state(ahead, bookmark.value))


class EventStream(ZendeskStream):
    """A stream that comes out of the ticket event export."""

    export = TICKET_EVENTS
    replication_key = "timestamp"


class TicketEventsStream(EventStream):
    """The events as Zendesk sends them, `child_events` included."""

    name = "ticket_events"
    schema: ClassVar[dict[str, Any]] = schema.TICKET_EVENTS
    primary_keys = ("id",)

    def __init__(self, tap: HookedTap) -> None:
        super().__init__(tap)
        self._records = TicketEventRecords(type(self).schema, self.warn)

    @cached_property
    def _shows_comments(self) -> bool:
        return bool(self.config["include_comments"])

    @override
    def rows(self, event: Event) -> Iterable[Row]:
        # by the setting alone, so that a row is the same whatever other streams are selected
        return (self._records.record(event if self._shows_comments else without_sideload(event)),)


class TicketFieldChangesStream(EventStream):
    """The field history: who changed which field of which ticket when, from what to what."""

    name = "ticket_field_changes"
    schema: ClassVar[dict[str, Any]] = schema.TICKET_FIELD_CHANGES
    primary_keys = ("child_event_id", "field_name")
    selected_by_default = False

    @override
    def rows(self, event: Event) -> Iterable[Row]:
        return field_changes(event, self.warn)


class TicketCommentsStream(EventStream):
    """The comments, public and private, with their bodies."""

    name = "ticket_comments"
    wants_comments = True
    schema: ClassVar[dict[str, Any]] = schema.TICKET_COMMENTS
    primary_keys = ("id",)
    selected_by_default = False

    @override
    def rows(self, event: Event) -> Iterable[Row]:
        return comments(event, self.warn)


class TicketMetricEventsStream(ZendeskStream):
    """The SLA clocks: when which one started, paused, was fulfilled or breached."""

    name = "ticket_metric_events"
    export = TICKET_METRIC_EVENTS
    schema: ClassVar[dict[str, Any]] = schema.TICKET_METRIC_EVENTS
    primary_keys = ("id",)
    replication_key = "time"
    selected_by_default = False

    def __init__(self, tap: HookedTap) -> None:
        super().__init__(tap)
        self._records = TicketMetricEventRecords(type(self).schema, self.warn)

    @override
    def bookmark_from(self, saved: SavedBookmark, *, is_set: bool) -> MetricBookmark:
        return MetricBookmark(saved.second, saved.ids, saved.deleted, is_set=is_set)

    @override
    def rows(self, event: Event) -> Iterable[Row]:
        return (self._records.record(event),)


STREAMS: tuple[type[ZendeskStream], ...] = (
    TicketEventsStream,
    TicketFieldChangesStream,
    TicketCommentsStream,
    TicketMetricEventsStream,
)
