{#-
    The columns that every staging model takes over from the envelope. `event_order` puts the events of one object in
    an order that does not depend on when or in which file they landed: by time, then by the object's version where the
    producer counts them, then by the event's name.

    `ties="position"`: of two at one instant and version, the one that stands first in its file is first, for producers
    whose clocks are coarser than their events. The dataset then depends on how the events were cut into files, and on
    nothing else: the same files in any order, or landed again and recovered, give the same.
-#}
{% macro event_columns(ties="name") -%}
    {%- if ties not in ("name", "position") -%}
        {%- do exceptions.raise_compiler_error(
            'factlog.event_columns(ties="'
            ~ ties
            ~ '"): ties are decided by "name" or by "position"'
        ) -%}
    {%- endif %}
    event_id,
    source,
    actor_type,
    actor_id,
    verb,
    occurred_at,
    event_date,
    landed_at,
    sequence,
    row(
        occurred_at,
        coalesce(object_version, 0),
        {%- if ties == "position" %} coalesce(position, 0), coalesce(element, 0), {%- endif %}
        source,
        event_id
    ) as event_order
{%- endmacro %}
