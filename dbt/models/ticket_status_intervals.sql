select
  ticket_id,
  value as status,
  {{ epoch_to_timestamp('started_epoch') }} as started_at,
  {{ epoch_to_timestamp('ended_epoch') }} as ended_at,
  duration_seconds,
  updater_id,
  is_start_known
from {{ ref('int_zendesk_events__spells') }}
where field_name = 'status'
