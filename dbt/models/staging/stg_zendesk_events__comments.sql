{{ config(enabled=var('zendesk_events_comments', true)) }}

select
  cast(id as {{ dbt.type_bigint() }}) as comment_id,
  cast(ticket_event_id as {{ dbt.type_bigint() }}) as ticket_event_id,
  cast(ticket_id as {{ dbt.type_bigint() }}) as ticket_id,
  cast(timestamp as {{ dbt.type_bigint() }}) as epoch,
  cast(author_id as {{ dbt.type_bigint() }}) as author_id,
  coalesce(public, false) as is_public
from {{ source('zendesk_events', 'ticket_comments') }}
where ticket_id is not null
