{#-
    A sample of a fact, derived from nothing: the nightly check compares it with what is served.

    audit.sampled_days      the days that were drawn; none in a warehouse that is built whole
    audit."sampled keys of <fact>"      the keys that have or had events on these days, of which all rows are derived
-#}
{% macro sampled_days() -%}
    {%- set days = run_query("select day from audit.sampled_days order by all").columns[0].values() -%}
    {%- set listed = [] -%}
    {%- for day in days -%} {%- do listed.append("date '" ~ day ~ "'") -%} {%- endfor -%}
    {%- do return(listed | join(", ")) -%}
{%- endmacro %}


{#- A correction may have removed an event, or waited for one: the keys of all that it had to do with are drawn. -#}
{% macro find_sampled_keys(keys, names, days) -%}
    {%- set found, listed = factlog.temporary("found"), factlog.quoted_list(keys) -%}
    {%- set drawn = "audit." ~ adapter.quote("sampled keys of " ~ this.schema ~ "." ~ this.identifier) -%}
    {%- call statement("find_sampled_keys", auto_begin=False) -%}
        {%- for since in ["null", "0"] %}
            set variable corrections_since = {{ since }}
            ;
            {%- set is_first = loop.first -%}
            {%- for name in names %}
                {% if is_first and loop.first %} create or replace temp table {{ found }} as
                {% else %} insert into {{ found }} by name
                {% endif %}
                select {{ listed }}
                from {{ factlog.events_relation(name) }}
                where event_date in ({{ days }});
            {%- endfor %}
        {%- endfor %}
        reset variable corrections_since
        ;
        create or replace temp table {{ factlog.temporary("keys") }} as
        select distinct {{ listed }}
        from {{ found }};
        drop table {{ found }};
        create or replace table {{ drawn }} as
        select *
        from {{ factlog.temporary("keys") }};
    {%- endcall -%}
{%- endmacro %}
