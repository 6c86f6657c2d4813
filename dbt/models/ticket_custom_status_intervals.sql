select
  ticket_id,
  {{ text_to_integer('value') }} as custom_status_id,
  {{ epoch_to_timestamp('started_epoch') }} as started_at,
  {{ epoch_to_timestamp('ended_epoch') }} as ended_at,
  duration_seconds,
  updater_id,
  is_start_known
from {{ ref('int_zendesk_events__spells') }}
where field_name = 'custom_status_id'
