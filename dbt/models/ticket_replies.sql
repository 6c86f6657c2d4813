{{ config(enabled=var('zendesk_events_comments', true)) }}

select
  ticket_id,
  comment_id,
  author_id,
  {{ epoch_to_timestamp('epoch') }} as replied_at,
  replies_before + 1 as reply_number,
  {{ epoch_to_timestamp('waiting_epoch') }} as waiting_since,
  epoch - waiting_epoch as waited_seconds
from {{ ref('int_zendesk_events__messages') }}
where is_reply
