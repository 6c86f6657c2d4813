select
  cast(id as {{ dbt.type_bigint() }}) as ticket_event_id,
  cast(ticket_id as {{ dbt.type_bigint() }}) as ticket_id,
  cast(timestamp as {{ dbt.type_bigint() }}) as epoch,
  merged_ticket_ids,
  coalesce(lower(via), '') = 'merge'
    or {{ json_array_size('merged_ticket_ids') }} > 0 as is_merge
from {{ source('zendesk_events', 'ticket_events') }}
where ticket_id is not null
