{#-
    A fact: a table that is kept up to date by key.

        config(materialized="fact", key="payout_id", events="stg_payout__sent", day="sent_date")

    key       the column, or columns, by which rows are derived: of each key from all of its events. A key may be null
    events    the relation, or relations, of events: each has the columns of the key, `sequence` and `event_date`
    day       the column that gives a row its day, if it has one
    lookups   other views of events that the SELECT looks into: of a key they say the same until a new event has it

    The SELECT is plain, over `factlog.events()`. The columns `first_sequence` and `last_sequence`, the lowest and the
    highest commit with an event of the key, are added unless the SELECT has its own. How far a fact has read is in
    `last_sequence` alone: nothing but the table itself remembers it.

    All rows of a key to derive are replaced in one transaction, which also says what derived them and that their keys
    are untested. Where anything else than today's code derived the table, it is built from nothing.
-#}
{% materialization fact, adapter = "duckdb" -%}
    {%- set target = this.incorporate(type="table") -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set keys = factlog.as_list(config.require("key")) -%}
    {%- set names = factlog.as_list(config.require("events")) -%}
    {%- set code, description = factlog.code_of_fact(), factlog.description_of_fact() -%}
    {%- set noted = factlog.noted_of_fact(code, description) -%}
    {%- set from_nothing = existing is none or not existing.is_table or noted.is_derived_otherwise -%}
    {%- if from_nothing -%} {%- do factlog.check_events(keys, names) -%} {%- endif -%}

    {%- set sampled = factlog.sampled_days() -%}
    {%- if sampled -%}
        {%- do factlog.find_sampled_keys(keys, names, sampled) -%}
        {%- do factlog.keep_events_of_keys(keys, names, factlog.operator_of_keys(keys), 0) -%}
    {%- elif from_nothing -%} {%- do factlog.show_all_events(names) -%}
    {%- else -%}
        {%- set last_read = factlog.last_sequence_read() -%}
        {%- set replayed = factlog.is_on_replayed_day("event_date") -%}
        {%- do factlog.find_keys_to_derive(keys, names, last_read, replayed) -%}
        {%- set equals = factlog.operator_of_keys(keys) -%}
        {%- set first_sequence = 0 -%}
        {%- if replayed == "false" and factlog.has_row_for_every_key(keys) -%}
            {%- set first_sequence = factlog.first_sequence_to_read(keys, names, equals, last_read) -%}
        {%- endif -%}
        {%- do factlog.keep_events_of_keys(keys, names, equals, first_sequence) -%}
    {%- endif -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- set columns = factlog.columns_of_fact(keys) -%}
    {%- set derived = factlog.derived_sql(columns, keys, names) -%}
    {%- if from_nothing -%}
        {%- if existing is not none and not existing.is_table -%}
            {%- do drop_relation_if_exists(existing) -%}
        {%- endif -%}
        {%- call statement("main") -%}
            {{ factlog.create_fact_sql(target, columns) }}
            insert into {{ target }} by name
            from {{ factlog.as_subquery(derived) }};
            {{ factlog.note_whole_table_sql() }}
            {{ factlog.record_code_sql(code, description, derived) }}
        {%- endcall -%}
    {%- else -%}
        {%- call statement("main") -%}
            delete from {{ target }} as old
            using {{ factlog.temporary("keys") }} as keys
            where {{ factlog.same_key(keys, "old", "keys", equals) }}
            ;
            insert into {{ target }} by name
            from {{ factlog.as_subquery(derived) }};
            {{ factlog.note_derived_keys_sql(keys, first_sequence) }}
            {{ factlog.record_code_sql(code, description, derived) }}
        {%- endcall -%}
    {%- endif -%}

    {%- do create_indexes(target) -%}
    {%- if from_nothing or not noted.is_described -%}
        {%- do persist_docs(target, model) -%} {%- do factlog.describe_sequences(target, columns) -%}
    {%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({"relations": [target]}) }}
{%- endmaterialization %}
