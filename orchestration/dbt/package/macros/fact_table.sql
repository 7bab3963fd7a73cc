{#-
    The table of a fact: its columns, the SELECT that fills it, and what is known of it besides its rows.
    `columns` are those of the model's SELECT, in their order.
-#}
{% macro columns_of_fact(keys) -%}
    {%- set columns = run_query("describe " ~ sql).columns[0].values() | list -%}
    {%- for key in keys if key not in columns -%}
        {%- do exceptions.raise_compiler_error(
            "its key is " ~ key ~ ", and the SELECT has no such column; it has " ~ columns
            | join(", ")
        ) -%}
    {%- endfor -%}
    {%- if config.get("day") and config.get("day") not in columns -%}
        {%- do exceptions.raise_compiler_error(
            "its day is "
            ~ config.get("day")
            ~ ", and the SELECT has no such column; it has "
            ~ columns
            | join(", ")
        ) -%}
    {%- endif -%}
    {%- do return(columns) -%}
{%- endmacro %}


{% macro sequences_to_add(columns) -%}
    {%- do return(["first_sequence", "last_sequence"] | reject("in", columns) | list) -%}
{%- endmacro %}


{#- The rows of a fact: what its SELECT gives, and of each key between which commits its events came. -#}
{% macro derived_sql(columns, keys, names) -%}
    {%- set added = factlog.sequences_to_add(columns) -%}
    {%- if not added -%} {{ sql }}
    {%- else -%}
        select
            derived.*,
            {%- for column in added %}
                coalesce(
                    commits.{{ column }},
                    error(
                        {{
                            factlog.literal(
                                model.name ~ ": the SELECT makes rows of keys that no event has"
                            )
                        }}
                    )
                ) as {{ column }}
                {%- if not loop.last %}, {% endif %}
            {%- endfor %}
        from {{ factlog.as_subquery(sql) }} as derived
        left join
            (
                select
                    {{ factlog.quoted_list(keys) }},
                    min(sequence) as first_sequence,
                    max(sequence) as last_sequence
                from
                    (
                        {%- for name in names %}
                            select {{ factlog.quoted_list(keys) }}, sequence
                            from {{ factlog.temporary("events", name) }}
                            {% if not loop.last %}
                                union all by name
                            {% endif %}
                        {%- endfor %}
                    )
                group by all
            ) as commits
            on {{ factlog.same_key(keys, "derived", "commits", "is not distinct from") }}
    {%- endif -%}
{%- endmacro %}


{#- The table itself. Where the project enforces the model's contract, its columns and constraints are that. -#}
{% macro create_fact_sql(target, columns) -%}
    {%- set added = factlog.sequences_to_add(columns) -%}
    {%- if config.get("contract").enforced -%}
        {%- set declared = added | select("in", model.columns) | list -%}
        {%- set whole %}
            select *{% for column in declared %}, cast(null as bigint) as {{ column }} {%- endfor %} from {{ factlog.as_subquery(sql) }}
        {%- endset -%}
        {%- do get_assert_columns_equivalent(whole) -%}
        {%- set parts = adapter.render_raw_columns_constraints(raw_columns=model["columns"]) -%}
        {%- for column in added if column not in model.columns -%}
            {%- do parts.append(column ~ " bigint not null") -%}
        {%- endfor -%}
        {%- do parts.extend(adapter.render_raw_model_constraints(raw_constraints=model["constraints"])) -%}
        create or replace table {{ target }} ({{ parts | join(", ") }});
    {%- else -%}
        create or replace table {{ target }} as
        select *{% for column in added %}, cast(null as bigint) as {{ column }} {%- endfor %} from {{ factlog.as_subquery(sql) }} limit 0;
    {%- endif -%}
{%- endmacro %}


{#- What the added columns mean, where the project does not say it. -#}
{% macro describe_sequences(target, columns) -%}
    {%- set meanings = {
        "first_sequence": "The lowest commit of the log with an event that this row is derived from.",
        "last_sequence": "The highest commit of the log with an event that this row is derived from.",
    } -%}
    {%- for column in factlog.sequences_to_add(columns) if column not in model.columns -%}
        {%- do run_query(
            "comment on column "
            ~ target
            ~ "."
            ~ column
            ~ " is "
            ~ factlog.literal(meanings[column])
        ) -%}
    {%- endfor -%}
{%- endmacro %}


{#- A text as SQL. -#}
{% macro literal(text) -%} {%- do return("'" ~ text | replace("'", "''") ~ "'") -%} {%- endmacro %}


{#- A SELECT in parentheses, which may end with a comment. -#}
{% macro as_subquery(sql) -%} {%- do return("(" ~ sql ~ "\n)") -%} {%- endmacro %}
