{{
    config(
        materialized="fact",
        key="translation_id",
        events="stg_translation__edited",
        day="edited_date",
        tags=["daily"],
    )
}}

with
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
        from {{ factlog.events() }}
    )

select *
from final
