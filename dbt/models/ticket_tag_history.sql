with

sets as (

  select
    *,
    row_number() over (partition by ticket_id order by started_epoch) as nth_set
  from {{ ref('int_zendesk_events__spells') }}
  where field_name = 'tags'
    and value like '[%'

),

tagged as (

  select distinct
    sets.ticket_id,
    sets.nth_set,
    sets.started_epoch,
    sets.ended_epoch,
    sets.is_start_known,
    {{ json_array_element('each_tag') }} as tag
  from sets
  {{ join_json_array('sets.value', 'each_tag') }}

),

stretches as (

  select
    *,
    -- the same for sets that follow one another
    nth_set - row_number() over (partition by ticket_id, tag order by nth_set) as stretch
  from tagged

)

select
  ticket_id,
  tag,
  {{ epoch_to_timestamp('min(started_epoch)') }} as started_at,
  {{ epoch_to_timestamp('case when count(ended_epoch) = count(*) then max(ended_epoch) end') }} as ended_at,
  min(case when is_start_known then 1 else 0 end) = 1 as is_start_known
from stretches
group by ticket_id, tag, stretch
