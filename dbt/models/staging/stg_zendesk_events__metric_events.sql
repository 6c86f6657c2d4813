{{ config(enabled=var('zendesk_events_metric_events', true)) }}

select
  cast(id as {{ dbt.type_bigint() }}) as metric_event_id,
  cast(ticket_id as {{ dbt.type_bigint() }}) as ticket_id,
  cast(instance_id as {{ dbt.type_bigint() }}) as instance_id,
  metric,
  type as event_type,
  {{ timestamp_to_epoch('time') }} as epoch,
  sla,
  group_sla,
  coalesce(deleted, false) as is_taken_back
from {{ source('zendesk_events', 'ticket_metric_events') }}
where ticket_id is not null
