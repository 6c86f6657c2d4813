{#
  Two rules decide what a value is, and from when on.

  What counts is the value at the end of a second. Zendesk tells times in whole seconds, and ids do
  not follow time, so the order of two changes in one second is not told. But each change says what
  it started from: a value that was entered more often than it was left in a second is the one
  that remained. If there is none, the second ends with the value that it began with; where nothing
  is known of the time before, that stays unknown until a later change tells.

  Where the first change of a field says what the value was before, the ticket had that value from
  its creation on. If the creation is not among the events, the ticket is older than all that is
  loaded: the value is then told from the first second that is loaded, and is_start_known is false.

  There are no joins here, because what is joined in such a chain misleads PostgreSQL's planner.
#}

with

field_changes as (

  select
    *,
    min(case when is_create then epoch end) over (partition by ticket_id) as created_epoch
  from {{ ref('stg_zendesk_events__field_changes') }}
  where is_create
    or field_name in ('{{ told_fields() | join("', '") }}')

),

changes as (

  select
    *,
    count(*) over (partition by ticket_id, field_name, epoch) as changes_in_second,
    max(case when is_create then 1 else 0 end)
      over (partition by ticket_id, field_name, epoch) as creates_in_second
  from field_changes
  where field_name in ('{{ told_fields() | join("', '") }}')

),

-- a value is entered, and where a second has several changes, the value before is left
steps as (

  select *, coalesce(value, '') as passed_value, 1 as step
  from changes

  union all

  select *, coalesce(previous_value, '') as passed_value, -1 as step
  from changes
  where changes_in_second > 1

),

balances as (

  select
    *,
    sum(step) over (partition by ticket_id, field_name, epoch, passed_value) as balance,
    min(passed_value) over (partition by ticket_id, field_name, epoch) as least_value,
    max(passed_value) over (partition by ticket_id, field_name, epoch) as greatest_value
  from steps

),

candidates as (

  select
    *,
    case
      when step = 1
        and (changes_in_second = 1 or balance > 0 or least_value = greatest_value)
        then 1
      else 0
    end as remains,
    nullif(
      min(case when step = -1 and balance < 0 then passed_value end)
        over (partition by ticket_id, field_name, epoch),
      ''
    ) as left_value
  from balances

),

settled as (

  select
    *,
    case
      when changes_in_second = 1 or least_value = greatest_value then previous_value
      else left_value
    end as value_before,
    row_number() over (
      partition by ticket_id, field_name, epoch
      order by ticket_event_id desc, child_event_id desc
    ) as from_the_last
  from candidates
  where remains = 1

),

seconds as (

  select
    *,
    row_number() over (partition by ticket_id, field_name order by epoch) as nth_second,
    coalesce(
      created_epoch, (select min(epoch) from {{ ref('stg_zendesk_events__field_changes') }})
    ) as known_from
  from settled
  where from_the_last = 1

),

history as (

  select ticket_id, field_name, epoch, value, updater_id, true as is_start_known
  from seconds

  union all

  select
    ticket_id,
    field_name,
    known_from as epoch,
    value_before as value,
    cast(null as {{ dbt.type_bigint() }}) as updater_id,
    created_epoch is not null as is_start_known
  from seconds
  where nth_second = 1
    and creates_in_second = 0
    and known_from < epoch

),

held as (

  select
    *,
    lag(value) over (partition by ticket_id, field_name order by epoch) as held_value
  from history

),

new_values as (

  select
    *,
    lead(epoch) over (partition by ticket_id, field_name order by epoch) as ended_epoch
  from held
  where value is distinct from held_value

)

select
  ticket_id,
  field_name,
  value,
  epoch as started_epoch,
  ended_epoch,
  case when is_start_known then ended_epoch - epoch end as duration_seconds,
  updater_id,
  is_start_known
from new_values
where value is not null
