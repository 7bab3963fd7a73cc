with
    requested as (
        select
            requested_date as volume_date,
            source_language,
            target_language,
            count(*) as requested_count,
            sum(word_count) as requested_word_count,
            count(*) filter (status = 'cancelled') as cancelled_count
        from {{ ref("translations") }}
        where requested_at is not null
        group by all
    ),

    delivered as (
        select
            delivered_date as volume_date,
            source_language,
            target_language,
            count(*) as delivered_count,
            sum(word_count) as delivered_word_count
        from {{ ref("translations") }}
        where requested_at is not null and delivered_at is not null
        group by all
    ),

    final as (
        select
            volume_date,
            source_language,
            target_language,
            coalesce(requested_count, 0) as requested_count,
            cast(coalesce(requested_word_count, 0) as bigint) as requested_word_count,
            coalesce(cancelled_count, 0) as cancelled_count,
            coalesce(delivered_count, 0) as delivered_count,
            cast(coalesce(delivered_word_count, 0) as bigint) as delivered_word_count
        from requested
        full join delivered using (volume_date, source_language, target_language)
    )

select *
from final
