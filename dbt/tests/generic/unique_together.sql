{# The values of these columns together tell a model's rows apart, and are not null. #}
{% test unique_together(model, columns) %}

select {{ columns | join(', ') }}, count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% for column in columns %}
  or {{ column }} is null
{% endfor %}

{% endtest %}
