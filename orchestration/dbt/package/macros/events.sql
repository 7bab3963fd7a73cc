{#-
    What a fact reads: the events of the relation that its config `events` names, and of these in a refresh only those
    of the keys to derive. With several, `name` says which is meant.

    dbt compiles a model before its materialization begins. So what this renders is the name of a temporary relation,
    which the materialization `fact` makes just before it runs the query. Wherever no materialization runs (`dbt show`,
    `dbt compile`, a unit test, whose events are given), it is the relation itself.
-#}
{% macro events(name=none) -%}
    {%- set declared = factlog.declared_events() -%}
    {%- set names = factlog.as_list(declared) -%}
    {%- for each in names -%} {%- do factlog.events_relation(each) -%} {%- endfor -%}
    {%- if name is none and names | length != 1 -%}
        {%- do exceptions.raise_compiler_error(
            "a fact says whose events it reads: events="
            ~ '"stg_order__placed"'
            ~ " in its config; of several, "
            ~ 'factlog.events("…") names the one that is meant'
        ) -%}
    {%- endif -%}
    {%- set chosen = names[0] if name is none else name -%}
    {%- if chosen not in names -%}
        {%- do exceptions.raise_compiler_error(
            'factlog.events("' ~ name ~ '"): the config of the fact names ' ~ names
            | join(", ") ~ ", not this"
        ) -%}
    {%- endif -%}
    {%- if execute and model.resource_type == "model" and flags.WHICH in ("run", "build") -%}
        {{- factlog.temporary("events", chosen) -}}
    {%- else -%} {{- factlog.events_relation(chosen) -}}
    {%- endif -%}
{%- endmacro %}


{#- The relation of events of this name: a model, or `source.table`. -#}
{% macro events_relation(name) -%}
    {%- set parts = name.split(".") -%}
    {%- do return(source(parts[0], parts[1]) if parts | length == 2 else ref(name)) -%}
{%- endmacro %}


{#-
    The config `events` of the fact that is rendered. While a project is parsed, `config.get` knows nothing yet, but
    what the model has called is there. A unit test renders a model's code without its config, and knows of no other
    model: there it is read out of the code.
-#}
{% macro declared_events() -%}
    {%- if not execute -%} {%- do return(config.context_config.build_config_dict().get("events")) -%}
    {%- elif model.resource_type == "unit_test" -%}
        {%- set name = "\"[^\"]*\"|'[^']*'" -%}
        {%- set call = modules.re.search("\\bevents\\s*=\\s*(\\[[^\\]]*\\]|" ~ name ~ ")", model.raw_code) -%}
        {%- set names = modules.re.findall(name, call.group(1)) if call else [] -%}
        {%- do return(names | map("replace", '"', "") | map("replace", "'", "") | list) -%}
    {%- else -%} {%- do return(config.get("events")) -%}
    {%- endif -%}
{%- endmacro %}


{#- A config that may be one name or a list of them. -#}
{% macro as_list(value) -%}
    {%- do return([] if value is none else [value] if value is string else value | list) -%}
{%- endmacro %}


{#- The name of a temporary relation of the model that is built: no other model of the connection has it. -#}
{% macro temporary(what, name=none) -%}
    {%- do return(factlog.temporary_of(model, what, name)) -%}
{%- endmacro %}


{% macro temporary_of(node, what, name=none) -%}
    {%- do return(
        adapter.quote(
            [what, node.package_name, node.name, name]
            | reject("none")
            | join("__")
            | replace('"', '""')
        )
    ) -%}
{%- endmacro %}
