{#
  What each database writes in its own way. A database that is not here gets an error when the
  project is compiled, and can be added by a project that uses this package: a macro such as
  trino__epoch_to_timestamp there, and that project in the `dispatch` of its dbt_project.yml.
#}

{% macro not_for_this_database(macro_name) %}
  {% do exceptions.raise_compiler_error(
    "zendesk_events has no form of " ~ macro_name ~ " for " ~ target.type
    ~ ": it is made for postgres, duckdb, snowflake and bigquery."
  ) %}
{% endmacro %}


{# Epoch seconds to a moment in UTC: a timestamp without time zone, in BigQuery a TIMESTAMP. #}
{% macro epoch_to_timestamp(seconds) %}
  {{- return(adapter.dispatch('epoch_to_timestamp', 'zendesk_events')(seconds)) -}}
{% endmacro %}

{% macro default__epoch_to_timestamp(seconds) %}
  {%- do zendesk_events.not_for_this_database('epoch_to_timestamp') -%}
{% endmacro %}

{% macro postgres__epoch_to_timestamp(seconds) -%}
  (to_timestamp({{ seconds }}) at time zone 'UTC')
{%- endmacro %}

{% macro duckdb__epoch_to_timestamp(seconds) -%}
  make_timestamp(cast(({{ seconds }}) * 1000000 as bigint))
{%- endmacro %}

{% macro snowflake__epoch_to_timestamp(seconds) -%}
  to_timestamp_ntz({{ seconds }})
{%- endmacro %}

{% macro bigquery__epoch_to_timestamp(seconds) -%}
  timestamp_seconds({{ seconds }})
{%- endmacro %}


{# A column with a moment in UTC, as the targets make it, to epoch seconds. #}
{% macro timestamp_to_epoch(moment) %}
  {{- return(adapter.dispatch('timestamp_to_epoch', 'zendesk_events')(moment)) -}}
{% endmacro %}

{% macro default__timestamp_to_epoch(moment) %}
  {%- do zendesk_events.not_for_this_database('timestamp_to_epoch') -%}
{% endmacro %}

{% macro postgres__timestamp_to_epoch(moment) -%}
  cast(floor(extract(epoch from {{ moment }})) as bigint)
{%- endmacro %}

{% macro duckdb__timestamp_to_epoch(moment) -%}
  cast(floor(epoch({{ moment }})) as bigint)
{%- endmacro %}

{% macro snowflake__timestamp_to_epoch(moment) -%}
  date_part(epoch_second, {{ moment }})
{%- endmacro %}

{% macro bigquery__timestamp_to_epoch(moment) -%}
  unix_seconds(timestamp({{ moment }}))
{%- endmacro %}


{# Text that holds a whole number to that number; other text to null. #}
{% macro text_to_integer(text) %}
  {{- return(adapter.dispatch('text_to_integer', 'zendesk_events')(text)) -}}
{% endmacro %}

{% macro default__text_to_integer(text) %}
  {%- do zendesk_events.not_for_this_database('text_to_integer') -%}
{% endmacro %}

{% macro postgres__text_to_integer(text) -%}
  cast(case when {{ text }} ~ '^-?[0-9]{1,18}$' then {{ text }} end as bigint)
{%- endmacro %}

{% macro duckdb__text_to_integer(text) -%}
  try_cast({{ text }} as bigint)
{%- endmacro %}

{% macro snowflake__text_to_integer(text) -%}
  try_to_number({{ text }})
{%- endmacro %}

{% macro bigquery__text_to_integer(text) -%}
  safe_cast({{ text }} as int64)
{%- endmacro %}


{#
  The scalar at the end of a path of keys in a JSON object, as text; null where there is none.
  The column may be of the database's JSON type, or text that holds JSON.
#}
{% macro json_text(column, keys) %}
  {{- return(adapter.dispatch('json_text', 'zendesk_events')(column, keys)) -}}
{% endmacro %}

{% macro default__json_text(column, keys) %}
  {%- do zendesk_events.not_for_this_database('json_text') -%}
{% endmacro %}

{% macro postgres__json_text(column, keys) -%}
  (cast({{ column }} as jsonb) #>> '{ {{- keys | join(',') -}} }')
{%- endmacro %}

{% macro duckdb__json_text(column, keys) -%}
  json_extract_string(cast({{ column }} as json), '$.{{ keys | join('.') }}')
{%- endmacro %}

{% macro snowflake__json_text(column, keys) -%}
  cast(get_path(try_parse_json(to_varchar({{ column }})), '{{ keys | join('.') }}') as varchar)
{%- endmacro %}

{% macro bigquery__json_text(column, keys) -%}
  json_value({{ column }}, '$.{{ keys | join('.') }}')
{%- endmacro %}


{# How many elements a JSON array has; 0 where there is none. #}
{% macro json_array_size(column) %}
  {{- return(adapter.dispatch('json_array_size', 'zendesk_events')(column)) -}}
{% endmacro %}

{% macro default__json_array_size(column) %}
  {%- do zendesk_events.not_for_this_database('json_array_size') -%}
{% endmacro %}

{% macro postgres__json_array_size(column) -%}
  case
    when jsonb_typeof(cast({{ column }} as jsonb)) = 'array'
      then jsonb_array_length(cast({{ column }} as jsonb))
    else 0
  end
{%- endmacro %}

{% macro duckdb__json_array_size(column) -%}
  coalesce(json_array_length(cast({{ column }} as json)), 0)
{%- endmacro %}

{% macro snowflake__json_array_size(column) -%}
  coalesce(array_size(try_parse_json(to_varchar({{ column }}))), 0)
{%- endmacro %}

{% macro bigquery__json_array_size(column) -%}
  coalesce(array_length(json_query_array({{ column }})), 0)
{%- endmacro %}


{#
  A join with the elements of a JSON array, one row each; a row without an array has none.
  `json_array_element` with the same alias is the element as text.
#}
{% macro join_json_array(column, alias) %}
  {{- return(adapter.dispatch('join_json_array', 'zendesk_events')(column, alias)) -}}
{% endmacro %}

{% macro default__join_json_array(column, alias) %}
  {%- do zendesk_events.not_for_this_database('join_json_array') -%}
{% endmacro %}

{% macro postgres__join_json_array(column, alias) -%}
  cross join lateral jsonb_array_elements_text(
    case
      when jsonb_typeof(cast({{ column }} as jsonb)) = 'array' then cast({{ column }} as jsonb)
      else cast('[]' as jsonb)
    end
  ) as {{ alias }} (element)
{%- endmacro %}

{% macro duckdb__join_json_array(column, alias) -%}
  cross join lateral (
    select unnest(json_extract_string(cast({{ column }} as json), '$[*]')) as element
  ) as {{ alias }}
{%- endmacro %}

{% macro snowflake__join_json_array(column, alias) -%}
  cross join lateral flatten(input => try_parse_json(to_varchar({{ column }}))) as {{ alias }}
{%- endmacro %}

{% macro bigquery__join_json_array(column, alias) -%}
  cross join unnest(json_value_array({{ column }})) as {{ alias }}
{%- endmacro %}


{% macro json_array_element(alias) %}
  {{- return(adapter.dispatch('json_array_element', 'zendesk_events')(alias)) -}}
{% endmacro %}

{% macro default__json_array_element(alias) -%}
  {{ alias }}.element
{%- endmacro %}

{% macro snowflake__json_array_element(alias) -%}
  cast({{ alias }}.value as varchar)
{%- endmacro %}

{% macro bigquery__json_array_element(alias) -%}
  {{ alias }}
{%- endmacro %}


{#
  A join with the whole numbers from the first to the last, both included, one row each; none where
  the first is greater, or one of them is null. `integer_element` with the same alias is the number.
#}
{% macro join_integers(first, last, alias) %}
  {{- return(adapter.dispatch('join_integers', 'zendesk_events')(first, last, alias)) -}}
{% endmacro %}

{% macro default__join_integers(first, last, alias) %}
  {%- do zendesk_events.not_for_this_database('join_integers') -%}
{% endmacro %}

{% macro postgres__join_integers(first, last, alias) -%}
  cross join lateral generate_series({{ first }}, {{ last }}) as {{ alias }} (element)
{%- endmacro %}

{% macro duckdb__join_integers(first, last, alias) -%}
  cross join lateral (
    select unnest(range({{ first }}, {{ last }} + 1)) as element
  ) as {{ alias }}
{%- endmacro %}

{% macro snowflake__join_integers(first, last, alias) -%}
  cross join lateral flatten(
    input => array_generate_range({{ first }}, {{ last }} + 1)
  ) as {{ alias }}
{%- endmacro %}

{% macro bigquery__join_integers(first, last, alias) -%}
  cross join unnest(generate_array({{ first }}, {{ last }})) as {{ alias }}
{%- endmacro %}


{% macro integer_element(alias) %}
  {{- return(adapter.dispatch('integer_element', 'zendesk_events')(alias)) -}}
{% endmacro %}

{% macro default__integer_element(alias) -%}
  {{ alias }}.element
{%- endmacro %}

{% macro snowflake__integer_element(alias) -%}
  cast({{ alias }}.value as {{ dbt.type_bigint() }})
{%- endmacro %}

{% macro bigquery__integer_element(alias) -%}
  {{ alias }}
{%- endmacro %}
