{{ config(enabled=var('zendesk_events_comments', true)) }}

{#
  A public comment is a message of the requester, or a reply. Whose ticket it is, is asked of the
  end of that second: a ticket can change its requester. Where nobody knows, neither can be told,
  and there is no row. Neither is also the comment that opens a ticket in somebody else's name, a
  notice of a merge, and what the system itself writes (author -1).
#}

with

requesters as (

  select
    ticket_id,
    {{ text_to_integer('value') }} as requester_id,
    started_epoch,
    ended_epoch
  from {{ ref('int_zendesk_events__spells') }}
  where field_name = 'requester_id'

),

opening_events as (

  select distinct ticket_event_id
  from {{ ref('stg_zendesk_events__field_changes') }}
  where is_create

),

public_comments as (

  select
    comments.comment_id,
    comments.ticket_id,
    comments.author_id,
    comments.epoch,
    opening_events.ticket_event_id is not null as opens_ticket,
    comments.author_id = requesters.requester_id as is_from_requester
  from {{ ref('stg_zendesk_events__comments') }} as comments
  inner join requesters
    on comments.ticket_id = requesters.ticket_id
    and comments.epoch >= requesters.started_epoch
    and (comments.epoch < requesters.ended_epoch or requesters.ended_epoch is null)
  left join {{ ref('stg_zendesk_events__events') }} as events
    on comments.ticket_event_id = events.ticket_event_id
  left join opening_events
    on comments.ticket_event_id = opening_events.ticket_event_id
  where comments.is_public
    and comments.author_id <> -1
    and not coalesce(events.is_merge, false)

),

messages as (

  select
    comment_id,
    ticket_id,
    author_id,
    epoch,
    case when is_from_requester then 0 else 1 end as is_reply
  from public_comments
  where is_from_requester
    or not opens_ticket

),

turns as (

  select
    *,
    cast(
      coalesce(
        sum(is_reply) over (
          partition by ticket_id
          order by epoch, is_reply, comment_id
          rows between unbounded preceding and 1 preceding
        ),
        0
      ) as {{ dbt.type_bigint() }}
    ) as replies_before
  from messages

)

select
  ticket_id,
  comment_id,
  author_id,
  epoch,
  is_reply = 1 as is_reply,
  replies_before,
  -- the first message of the requester since the reply before
  min(case when is_reply = 0 then epoch end)
    over (partition by ticket_id, replies_before) as waiting_epoch
from turns
