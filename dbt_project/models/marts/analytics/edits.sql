{{ config(materialized="incremental", unique_key="translation_id", tags=["daily"]) }}

with
    to_derive as ({{ factlog.keys_to_derive("translation_id", ref("stg_translation__edited")) }}),

    final as (
        select
            source || '#' || event_id as edit_id,
            translation_id,
            editor_id,
            started_at,
            occurred_at as edited_at,
            event_date as edited_date,
            word_count,
            words_changed as changed_word_count,
            fee_minor,
            currency,
            sequence as first_sequence,
            sequence as last_sequence
        from {{ ref("stg_translation__edited") }} {{ factlog.where_to_derive("translation_id") }}
    )

select *
from final
