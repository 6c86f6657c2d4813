{{
  config(
    materialized='incremental',
    unique_key=['date_day', 'ticket_id'],
  )
}}

{% set attributes = ['priority', 'assignee_id', 'group_id'] %}

with

spells as (

  select
    *,
    {{ day_number('started_epoch') }} as started_day,
    {{ day_number('ended_epoch') }} as ended_day
  from {{ ref('int_zendesk_events__spells') }}

),

{% if zendesk_events.is_later_run() -%}
{#
  A day that is over stays as it is, but for tickets that have changed since: one that is older
  than all that is loaded is known only from its first change on.
#}
changed_tickets as (

  select distinct ticket_id
  from {{ ref('stg_zendesk_events__field_changes') }}
  where epoch >= ({{ zendesk_events.last_day_present() }} + 1) * 86400

),

{% endif -%}

unresolved as (

  select
    spells.*,
    -- the day of the latest change is not over yet
    (
      select {{ day_number('max(epoch)') }} - 1
      from {{ ref('stg_zendesk_events__field_changes') }}
    ) as last_day_over
    {%- if zendesk_events.is_later_run() %},
    case
      when changed_tickets.ticket_id is null then {{ zendesk_events.last_day_present() }} + 1
      else spells.started_day
    end as first_day_missing
    {%- endif %}
  from spells
  {%- if zendesk_events.is_later_run() %}
  left join changed_tickets
    on spells.ticket_id = changed_tickets.ticket_id
  {%- endif %}
  where spells.field_name = 'status'
    and spells.value not in ('solved', 'closed', 'deleted')

),

spans as (

  select
    ticket_id,
    value as status,
    {% if zendesk_events.is_later_run() -%}
    greatest(started_day, first_day_missing) as first_day,
    {% else -%}
    started_day as first_day,
    {% endif -%}
    least(coalesce(ended_day - 1, last_day_over), last_day_over) as last_day
  from unresolved

),

days as (

  select
    spans.ticket_id,
    spans.status,
    {{ integer_element('each_day') }} as day_number
  from spans
  {{ join_integers('spans.first_day', 'spans.last_day', 'each_day') }}

)

select
  cast({{ epoch_to_timestamp('days.day_number * 86400') }} as date) as date_day,
  days.ticket_id,
  days.status,
  spells_of_priority.value as priority,
  {{ text_to_integer('spells_of_assignee_id.value') }} as assignee_id,
  {{ text_to_integer('spells_of_group_id.value') }} as group_id
from days
{% for attribute in attributes -%}
left join spells as spells_of_{{ attribute }}
  on days.ticket_id = spells_of_{{ attribute }}.ticket_id
  and spells_of_{{ attribute }}.field_name = '{{ attribute }}'
  and spells_of_{{ attribute }}.started_day <= days.day_number
  and (
    spells_of_{{ attribute }}.ended_day > days.day_number
    or spells_of_{{ attribute }}.ended_day is null
  )
{% endfor %}
