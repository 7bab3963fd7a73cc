{#-
    When a fact is built from nothing. What a build is asked to derive again besides what landed lies in the warehouse,
    because it has to outlive a build that is killed: whoever builds next completes it.

    audit.replay         half-open ranges of days: the keys that have events on them are derived again
    audit.derive_again   models to build from nothing, because other code derived them; '*' stands for all
    audit.build          over which cut, and whether most events lie on these days, so that from nothing is shorter
    audit.event_types    what the events of each type look like, which is all that contracts have to do with a model
    audit.fact_code      what derived each fact, and described it: written in the transaction that writes its rows

    `noted_of_fact` says of a fact whether something else derived it than would now, and whether what is said of it is
    what was.
-#}
{% macro noted_of_fact(code, description) -%}
    {%- set asked = config.get("full_refresh") -%}
    {%- if asked is none -%} {%- set asked = flags.FULL_REFRESH -%} {%- endif -%}
    {%- set table = factlog.table_name(this) -%}
    {%- set sql %}
        select
            exists(from audit.derive_again where model in ('*', {{ factlog.literal(model.unique_id) }}))
            or (select replays_most from audit.build)
            or not exists(from audit.fact_code where table_name = {{ table }} and code = '{{ code }}'),
            exists(from audit.fact_code where table_name = {{ table }} and description = '{{ description }}')
    {%- endset -%}
    {%- set derived_otherwise, described = run_query(sql).rows[0] -%}
    {%- do return({"is_derived_otherwise": asked or derived_otherwise, "is_described": described}) -%}
{%- endmacro %}


{% macro is_on_replayed_day(column) -%}
    {%- set sql %} select first_day, end_day, end_day - first_day from audit.replay order by all {%- endset -%}
    {%- set days, conditions = [], [] -%}
    {%- for first_day, end_day, length in run_query(sql).rows -%}
        {%- if length == 1 -%} {%- do days.append("date '" ~ first_day ~ "'") -%}
        {%- else -%}
            {%- do conditions.append(
                column ~ " >= date '" ~ first_day ~ "' and " ~ column ~ " < date '" ~ end_day ~ "'"
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if days -%} {%- do conditions.append(column ~ " in (" ~ days | join(", ") ~ ")") -%} {%- endif -%}
    {%- do return("(" ~ conditions | join(" or ") ~ ")" if conditions else "false") -%}
{%- endmacro %}


{#-
    A digest of all that a build of this fact from nothing would use but for the events: its SQL as it is rendered, with
    every macro, `var` and `env_var` in it; the views below it as they are in the warehouse; the rows of seeds; its
    config; and what its events look like.
-#}
{% macro code_of_fact() -%}
    {%- set below = [] -%}
    {%- do factlog.add_below(model, below) -%}
    {%- set parts = [factlog.literal(sql)] -%}
    {%- for name in ["key", "events", "day", "lookups"] -%}
        {%- do parts.append(factlog.literal(name ~ "=" ~ config.get(name))) -%}
    {%- endfor -%}
    {%- for hook in pre_hooks -%}
        {%- do parts.append(factlog.literal(render(hook.get("sql")))) -%}
    {%- endfor -%}
    {%- for node in below | sort(attribute="unique_id") -%}
        {%- if node.resource_type == "seed" -%}
            {%- set seed = api.Relation.create(
                database=node.database, schema=node.schema, identifier=node.alias
            ) -%}
            {%- do parts.append(
                "(select concat(count(*), ' ', sum(hash(seed))) from " ~ seed ~ " as seed)"
            ) -%}
        {%- elif node.resource_type == "source" -%}
            {%- do parts.append(
                "(select definition from audit.event_types where view_name = "
                ~ factlog.literal(node.identifier)
                ~ ")"
            ) -%}
        {%- else -%}
            {%- do parts.append(
                "(select any_value(sql) from duckdb_views() where schema_name = "
                ~ factlog.literal(node.schema)
                ~ " and view_name = "
                ~ factlog.literal(node.alias)
                ~ ")"
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set digest %} select md5(concat_ws(chr(0), {{ parts | join(", ") }})) {%- endset -%}
    {%- do return(run_query(digest).columns[0].values()[0]) -%}
{%- endmacro %}


{#- Add all that a node is derived from to a list, each once. -#}
{% macro add_below(node, below) -%}
    {%- for unique_id in node.depends_on.get("nodes", []) -%}
        {%- set parent = graph.nodes.get(unique_id) or graph.sources.get(unique_id) -%}
        {%- if parent and parent not in below -%}
            {%- do below.append(parent) -%}
            {%- if parent.depends_on -%} {%- do factlog.add_below(parent, below) -%} {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{#- A digest of what is said of a fact and its columns: while it is the same, its comments are right. -#}
{% macro description_of_fact() -%}
    {%- set said = [model.description, config.get("persist_docs")] -%}
    {%- for column in model.columns.values() -%}
        {%- do said.append([column.name, column.description]) -%}
    {%- endfor -%}
    {%- do return(local_md5(tojson(said))) -%}
{%- endmacro %}


{#- Note what derived a fact, and the query and what ran before it: a test derives keys again by these. -#}
{% macro record_code_sql(code, description, query) -%}
    delete from audit.fact_code
    where table_name = {{ factlog.table_name(this) }}
    ;
    insert into audit.fact_code
    values
        (
    {{ factlog.table_name(this) }},
            '{{ code }}',
            '{{ description }}',
    {{ factlog.literal(query) }},
            [
    {%- for hook in pre_hooks -%}
        {{ factlog.literal(render(hook.get("sql"))) }}
        {%- if not loop.last %}, {% endif -%}
    {%- endfor -%}
            ]
        );
{%- endmacro %}


{#- The name by which the tables of `audit` know a table. -#}
{% macro table_name(relation) -%}
    {{ factlog.literal(relation.schema ~ "." ~ relation.identifier) }}
{%- endmacro %}
