{#-
    When a fact is built from nothing. What a build is asked to derive again besides what landed lies in the warehouse,
    because it has to outlive a build that is killed: whoever builds next completes it.

    audit.replay         half-open ranges of days: the keys that have events on them are derived again
    audit.derive_again   models to build from nothing, because other code derived them; '*' stands for all
    audit.build          over which cut, and whether most events lie on these days, so that from nothing is shorter
    audit.event_types    what the events of each type look like, which is all that contracts have to do with a model
    audit.fact_code      what derived each fact: written in the transaction that writes its rows
-#}
{% macro is_built_from_nothing(code) -%}
    {%- set asked = config.get("full_refresh") -%}
    {%- if asked is none -%} {%- set asked = flags.FULL_REFRESH -%} {%- endif -%}
    {%- if not asked -%}
        {%- set again = run_query("select model from audit.derive_again").columns[0].values() -%}
        {%- set replays_most = run_query("select replays_most from audit.build").columns[0].values()[0] -%}
        {%- set sql %} select code from audit.fact_code where table_name = {{ factlog.table_name(this) }} {%- endset -%}
        {%- set recorded = run_query(sql).columns[0].values() -%}
        {%- set asked = "*" in again or model.unique_id in again or replays_most or code not in recorded -%}
    {%- endif -%}
    {%- do return(asked) -%}
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


{#- Note what derived a fact, and the query and what ran before it: a test derives keys again by these. -#}
{% macro record_code_sql(code, query) -%}
    delete from audit.fact_code
    where table_name = {{ factlog.table_name(this) }}
    ;
    insert into audit.fact_code
    values
        (
    {{ factlog.table_name(this) }},
            '{{ code }}',
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
