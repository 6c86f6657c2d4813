select
  cast(child_event_id as {{ dbt.type_bigint() }}) as child_event_id,
  field_name,
  cast(ticket_event_id as {{ dbt.type_bigint() }}) as ticket_event_id,
  cast(ticket_id as {{ dbt.type_bigint() }}) as ticket_id,
  cast(timestamp as {{ dbt.type_bigint() }}) as epoch,
  cast(updater_id as {{ dbt.type_bigint() }}) as updater_id,
  event_type = 'Create' as is_create,
  {% for column in ['value', 'previous_value'] -%}
  case
    -- an unset priority or type is "0" in what was before
    when field_name in ('priority', 'type') and {{ column }} = '0' then null
    when field_name = 'tags' then coalesce({{ column }}, '[]')
    else nullif({{ column }}, '')
  end as {{ column }}{{ ',' if not loop.last }}
  {% endfor -%}
from {{ source('zendesk_events', 'ticket_field_changes') }}
where ticket_id is not null
