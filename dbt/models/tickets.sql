{% set with_comments = var('zendesk_events_comments', true) %}
{% set statuses = ['new', 'open', 'pending', 'hold', 'solved', 'closed'] %}
{% set numbers = [
  'requester_id', 'assignee_id', 'group_id', 'organization_id', 'brand_id', 'custom_status_id',
] %}
{% set texts = ['status', 'priority', 'type'] %}

with

all_events as (

  select ticket_id, epoch, cast(null as {{ dbt.type_bigint() }}) as created_epoch
  from {{ ref('stg_zendesk_events__events') }}

  union all

  select ticket_id, epoch, case when is_create then epoch end as created_epoch
  from {{ ref('stg_zendesk_events__field_changes') }}

),

lifetimes as (

  select ticket_id, min(created_epoch) as created_epoch, max(epoch) as updated_epoch
  from all_events
  group by ticket_id

),

current_values as (

  select
    ticket_id,
    {% for field in texts + numbers -%}
    max(case when field_name = '{{ field }}' then value end) as {{ field }}{{ ',' if not loop.last }}
    {% endfor -%}
  from {{ ref('int_zendesk_events__spells') }}
  where ended_epoch is null
  group by ticket_id

),

statuses as (

  select
    *,
    value in ('solved', 'closed') as is_resolved,
    coalesce(
      lag(value) over (partition by ticket_id order by started_epoch) in ('solved', 'closed'),
      false
    ) as was_resolved
  from {{ ref('int_zendesk_events__spells') }}
  where field_name = 'status'

),

status_summaries as (

  select
    ticket_id,
    min(case when is_resolved and not was_resolved and is_start_known then started_epoch end)
      as first_resolved_epoch,
    max(case when is_resolved and not was_resolved and is_start_known then started_epoch end)
      as last_resolved_epoch,
    cast(
      sum(case when was_resolved and not is_resolved and value <> 'deleted' then 1 else 0 end)
      as {{ dbt.type_bigint() }}
    ) as reopens,
    {% for status in statuses -%}
    cast(
      coalesce(sum(case when value = '{{ status }}' then duration_seconds end), 0)
      as {{ dbt.type_bigint() }}
    ) as {{ status }}_seconds{{ ',' if not loop.last }}
    {% endfor -%}
  from statuses
  group by ticket_id

),

merges as (

  select
    {{ text_to_integer(json_array_element('each_id')) }} as ticket_id,
    events.ticket_id as merged_into_ticket_id,
    row_number() over (
      partition by {{ json_array_element('each_id') }}
      order by events.epoch desc, events.ticket_event_id desc
    ) as from_the_last
  from {{ ref('stg_zendesk_events__events') }} as events
  {{ join_json_array('events.merged_ticket_ids', 'each_id') }}

),

last_merges as (

  select ticket_id, merged_into_ticket_id
  from merges
  where from_the_last = 1

)

{%- if with_comments %},

numbered_messages as (

  select
    *,
    max(case when is_reply then replies_before + 1 else replies_before end)
      over (partition by ticket_id) as replies,
    min(case when is_reply and waiting_epoch is not null then replies_before end)
      over (partition by ticket_id) as turn_of_first_wait
  from {{ ref('int_zendesk_events__messages') }}

),

conversations as (

  select
    ticket_id,
    max(replies) as replies,
    max(case when is_reply and replies_before = turn_of_first_wait then epoch - waiting_epoch end)
      as first_reply_seconds,
    min(case when replies_before = replies then waiting_epoch end) as waiting_epoch
  from numbered_messages
  group by ticket_id

),

known_requesters as (

  select distinct ticket_id
  from {{ ref('int_zendesk_events__spells') }}
  where field_name = 'requester_id'

)
{%- endif %}

select
  lifetimes.ticket_id,
  {{ epoch_to_timestamp('lifetimes.created_epoch') }} as created_at,
  {{ epoch_to_timestamp('lifetimes.updated_epoch') }} as updated_at,
  {% for field in texts -%}
  current_values.{{ field }},
  {% endfor -%}
  {% for field in numbers -%}
  {{ text_to_integer('current_values.' ~ field) }} as {{ field }},
  {% endfor -%}
  {{ epoch_to_timestamp('status_summaries.first_resolved_epoch') }} as first_resolved_at,
  {{ epoch_to_timestamp('status_summaries.last_resolved_epoch') }} as last_resolved_at,
  status_summaries.reopens,
  {% if with_comments -%}
  case
    when known_requesters.ticket_id is not null then coalesce(conversations.replies, 0)
  end as public_replies,
  conversations.first_reply_seconds,
  case
    when current_values.status not in ('solved', 'closed', 'deleted')
      then {{ epoch_to_timestamp('conversations.waiting_epoch') }}
  end as waiting_since,
  {% else -%}
  cast(null as {{ dbt.type_bigint() }}) as public_replies,
  cast(null as {{ dbt.type_bigint() }}) as first_reply_seconds,
  {{ epoch_to_timestamp('cast(null as ' ~ dbt.type_bigint() ~ ')') }} as waiting_since,
  {% endif -%}
  last_merges.merged_into_ticket_id,
  {% for status in statuses -%}
  status_summaries.{{ status }}_seconds{{ ',' if not loop.last }}
  {% endfor -%}
from lifetimes
left join current_values
  on lifetimes.ticket_id = current_values.ticket_id
left join status_summaries
  on lifetimes.ticket_id = status_summaries.ticket_id
left join last_merges
  on lifetimes.ticket_id = last_merges.ticket_id
{%- if with_comments %}
left join conversations
  on lifetimes.ticket_id = conversations.ticket_id
left join known_requesters
  on lifetimes.ticket_id = known_requesters.ticket_id
{%- endif %}
