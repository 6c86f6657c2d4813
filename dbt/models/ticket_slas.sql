{{ config(enabled=var('zendesk_events_metric_events', true)) }}

with

standing as (

  -- what Zendesk has taken back did not happen
  select *
  from {{ ref('stg_zendesk_events__metric_events') }}
  where not is_taken_back

),

targets as (

  select
    metric_event_id,
    ticket_id,
    metric,
    instance_id,
    epoch as applied_epoch,
    lead(epoch) over (
      partition by ticket_id, metric, instance_id
      order by epoch, metric_event_id
    ) as replaced_epoch,
    {% for name, keys in [
      ('policy_id', ['policy', 'id']),
      ('policy_title', ['policy', 'title']),
      ('target', ['target']),
      ('business_hours', ['business_hours']),
    ] -%}
    coalesce({{ json_text('sla', keys) }}, {{ json_text('group_sla', keys) }}) as {{ name }}{{ ',' if not loop.last }}
    {% endfor -%}
  from standing
  where event_type in ('apply_sla', 'apply_group_sla')

),

outcomes as (

  select
    targets.metric_event_id,
    min(case when happened.event_type = 'fulfill' then happened.epoch end) as fulfilled_epoch,
    min(case when happened.event_type = 'breach' then happened.epoch end) as breached_epoch
  from targets
  inner join standing as happened
    on targets.ticket_id = happened.ticket_id
    and targets.metric = happened.metric
    and targets.instance_id = happened.instance_id
    -- what happens belongs to the target that was in force
    and happened.epoch >= targets.applied_epoch
    and (happened.epoch < targets.replaced_epoch or targets.replaced_epoch is null)
  where happened.event_type in ('fulfill', 'breach')
  group by targets.metric_event_id

)

select
  targets.ticket_id,
  targets.metric,
  targets.instance_id,
  targets.metric_event_id,
  targets.policy_id,
  targets.policy_title,
  {{ text_to_integer('targets.target') }} as target_minutes,
  case targets.business_hours when 'true' then true when 'false' then false end as business_hours,
  {{ epoch_to_timestamp('targets.applied_epoch') }} as applied_at,
  {{ epoch_to_timestamp('targets.replaced_epoch') }} as replaced_at,
  {{ epoch_to_timestamp('outcomes.fulfilled_epoch') }} as fulfilled_at,
  {{ epoch_to_timestamp('outcomes.breached_epoch') }} as breached_at,
  outcomes.breached_epoch is not null as is_breached
from targets
left join outcomes
  on targets.metric_event_id = outcomes.metric_event_id
