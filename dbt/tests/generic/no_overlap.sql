{#
  The intervals of a thing, such as a ticket, do not overlap, and each ends after it has begun. With
  without_gaps each but the first also begins where the one before has ended.
#}
{% test no_overlap(model, of, without_gaps=false) %}

with ordered as (

  select
    {{ of | join(', ') }},
    started_at,
    ended_at,
    lead(started_at) over (partition by {{ of | join(', ') }} order by started_at) as next_started_at
  from {{ model }}

)

select *
from ordered
where ended_at <= started_at
  or (ended_at is null and next_started_at is not null)
  or next_started_at {{ '<>' if without_gaps else '<' }} ended_at

{% endtest %}
