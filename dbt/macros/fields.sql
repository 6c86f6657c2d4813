{# The fields whose history the models tell. #}
{% macro told_fields() %}
  {{- return([
    'assignee_id', 'brand_id', 'custom_status_id', 'group_id', 'organization_id', 'priority',
    'requester_id', 'status', 'tags', 'type',
  ]) -}}
{% endmacro %}


{# What a database should be told after a table was made that other models join. #}
{% macro after_table() %}
  {{- return(adapter.dispatch('after_table', 'zendesk_events')()) -}}
{% endmacro %}

{% macro default__after_table() %}{% endmacro %}

{% macro postgres__after_table() -%}
  analyze {{ this }}
{%- endmacro %}


{# The number of the day, in UTC, that a second belongs to; day 0 is 1970-01-01. #}
{% macro day_number(seconds) -%}
  cast(floor({{ seconds }} / 86400) as {{ dbt.type_bigint() }})
{%- endmacro %}


{#
  Whether an incremental model has its table already. With a name of its own, because dbt demands
  that the table exists where a unit test says so of is_incremental.
#}
{% macro is_later_run() %}
  {{- return(is_incremental()) -}}
{% endmacro %}


{# The number of the last day that the backlog's table has, -1 if none; a part of its later runs. #}
{% macro last_day_present() -%}
  (
    select coalesce(
      max({{ dbt.datediff("cast('1970-01-01' as date)", 'date_day', 'day') }}), -1
    )
    from {{ this }}
  )
{%- endmacro %}
