with
    joined as (
        select
            editor_id,
            arg_min(
                struct_pack(occurred_at, name, country, fee_per_word_minor, currency), event_order
            ) as joined
        from {{ ref("stg_editor__joined") }}
        group by editor_id
    ),

    earned as (
        select
            editor_id,
            currency,
            count(*) as edit_count,
            sum(word_count) as word_count,
            sum(changed_word_count) as changed_word_count,
            sum(fee_minor) as earned_minor,
            max(edited_at) as last_edited_at
        from {{ ref("edits") }}
        group by all
    ),

    paid_out as (
        select editor_id, currency, sum(total_minor) as paid_out_minor from {{ ref("payouts") }} group by all
    ),

    pay_currencies as (
        select editor_id, joined.currency as currency
        from joined
        union
        select editor_id, currency
        from earned
        union
        select editor_id, currency
        from paid_out
    ),

    final as (
        select
            editor_id,
            currency,
            joined.name as editor_name,
            joined.country,
            joined.occurred_at as joined_at,
            coalesce(edit_count, 0) as edit_count,
            cast(coalesce(word_count, 0) as bigint) as word_count,
            cast(coalesce(changed_word_count, 0) as bigint) as changed_word_count,
            last_edited_at,
            cast(coalesce(earned_minor, 0) as bigint) as earned_minor,
            cast(coalesce(paid_out_minor, 0) as bigint) as paid_out_minor,
            cast(coalesce(earned_minor, 0) - coalesce(paid_out_minor, 0) as bigint) as open_minor
        from pay_currencies
        left join joined using (editor_id)
        left join earned using (editor_id, currency)
        left join paid_out using (editor_id, currency)
    )

select *
from final
