{#-
    Keys of a fact, derived again aside by the query that derived them last: what the test `same_from_nothing` compares
    with. Nothing but the query is taken from the build, which noted it in `audit.fact_code`.
-#}
{% macro derived_otherwise_sql(relation, node, since, most_keys) -%}
    {%- set keys, names = factlog.as_list(node.config.key), factlog.as_list(node.config.events) -%}
    {%- set drawn, again = factlog.temporary_of(node, "drawn"), factlog.temporary_of(node, "again") -%}
    {%- set same = factlog.same_key(keys, "events", "keys", "is not distinct from") -%}
    {%- do factlog.draw_keys(node, keys, names, since, most_keys) -%}
    {%- call statement("events_again", auto_begin=False) -%}
        {%- for name in names %}
            create or replace temp table {{ factlog.temporary_of(node, "events", name) }} as
            select events.*
            from {{ factlog.relation_of_events(node, name) }} as events
            semi join {{ drawn }} as keys on {{ same }};
        {%- endfor %}
    {%- endcall -%}
    {%- set noted = "from audit.fact_code where table_name = " ~ factlog.table_name(relation) -%}
    {%- set query = run_query("select query " ~ noted).columns[0].values()[0] -%}
    {%- set steps = run_query("select unnest(first_steps) " ~ noted).columns[0].values() -%}
    {%- call statement("derive_again", auto_begin=False) -%}
        {%- for step in steps %}
            {{ step }}
            ;
        {%- endfor %}
        create or replace temp table {{ again }} as
        from {{ relation }} limit 0;
        insert into {{ again }} by name from {{ factlog.as_subquery(query) }};
    {%- endcall -%}
    {%- set held %}
        select held.* from {{ relation }} as held
        semi join {{ drawn }} as keys on {{ factlog.same_key(keys, "held", "keys", "is not distinct from") }}
    {%- endset %}
    select 'held' as only_in, *
    from
        (
            {{ held }}
            except all
            from {{ again }}
        )
    union all
    select 'derived again' as only_in, *
    from
        (
            from {{ again }}
            except all
            {{ held }}
        )
{%- endmacro %}


{#- The keys that are looked at, in a temporary table: all that a correction touched since, and some of the others. -#}
{% macro draw_keys(node, keys, names, since, most_keys) -%}
    {%- set drawn, listed = factlog.temporary_of(node, "drawn"), factlog.quoted_list(keys) -%}
    {%- call statement("draw_keys", auto_begin=False) -%}
        create or replace temp table {{ drawn }} as
        select *
        from (
            select distinct {{ listed }}
            from
            (
        {%- for name in names %}
                    select {{ listed }}
                    from {{ factlog.relation_of_events(node, name) }}
                    where sequence > {{ since }}
            {% if not loop.last %} union all by name {% endif %}
        {%- endfor %}
            )
        )
        order by hash({{ listed }})
        limit {{ most_keys | int }}
        ;
        set variable corrections_since = {{ since }}
        ;
        {%- for name in names %}
            insert into {{ drawn }} by name
            select distinct {{ listed }}
            from {{ factlog.relation_of_events(node, name) }};
        {%- endfor %}
        reset variable corrections_since
        ;
    {%- endcall -%}
{%- endmacro %}


{#- The relation of events of this name that a fact reads: a test may not refer to what it is no test of. -#}
{% macro relation_of_events(node, name) -%}
    {%- for unique_id in node.depends_on.nodes if unique_id.endswith("." ~ name) -%}
        {%- set read = graph.nodes.get(unique_id) or graph.sources.get(unique_id) -%}
        {%- do return(
            api.Relation.create(
                database=read.database,
                schema=read.schema,
                identifier=read.alias or read.identifier,
            )
        ) -%}
    {%- endfor -%}
{%- endmacro %}
