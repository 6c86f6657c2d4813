select
  ticket_id,
  case field_name when 'assignee_id' then 'assignee' else 'group' end as kind,
  {{ text_to_integer('value') }} as assigned_id,
  {{ epoch_to_timestamp('started_epoch') }} as started_at,
  {{ epoch_to_timestamp('ended_epoch') }} as ended_at,
  duration_seconds,
  updater_id,
  is_start_known
from {{ ref('int_zendesk_events__spells') }}
where field_name in ('assignee_id', 'group_id')
