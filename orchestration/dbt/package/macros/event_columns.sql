{#-
    The columns that every staging model takes over from the envelope. `event_order` puts the events of one object in
    an order that does not depend on when or in which file they landed: by time, then by the object's version where the
    producer counts them, then by the event's name.
-#}
{% macro event_columns() -%}
    event_id,
    source,
    actor_type,
    actor_id,
    verb,
    occurred_at,
    event_date,
    landed_at,
    sequence,
    row(occurred_at, coalesce(object_version, 0), source, event_id) as event_order
{%- endmacro %}
