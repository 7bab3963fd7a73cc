with
    deployments as (
        select
            engine_id,
            engine_version,
            min(occurred_at) as deployed_at,
            arg_max(cost_per_million_words_minor, event_order) as cost_per_million_words_minor,
            arg_max(currency, event_order) as currency
        from {{ ref("stg_engine__deployed") }}
        group by engine_id, engine_version
    ),

    translated as (
        select
            engine_id,
            engine_version,
            count(*) as translation_count,
            cast(sum(word_count) as bigint) as word_count,
            count(comet_score) as comet_count,
            avg(comet_score) as comet_score,
            count(chrf_score) as chrf_count,
            avg(chrf_score) as chrf_score,
            count(rating) as rating_count,
            avg(rating) as rating,
            sum(edited_word_count) as edited_word_count,
            sum(changed_word_count) as changed_word_count,
            quantile_disc(engine_duration_ms, 0.5) as p50_duration_ms
        from {{ ref("translations") }}
        where engine_id is not null
        group by engine_id, engine_version
    ),

    -- Averages of exact decimals, rounded: floats that were added up in another order would not compare
    -- equal.
    final as (
        select
            engine_id,
            engine_version,
            deployments.deployed_at,
            coalesce(translation_count, 0) as translation_count,
            coalesce(word_count, 0) as word_count,
            coalesce(comet_count, 0) as comet_count,
            cast(round(comet_score, 4) as decimal(9, 4)) as average_comet_score,
            coalesce(chrf_count, 0) as chrf_count,
            cast(round(chrf_score, 4) as decimal(9, 4)) as average_chrf_score,
            coalesce(rating_count, 0) as rating_count,
            cast(round(rating, 2) as decimal(9, 2)) as average_rating,
            cast(
                round(changed_word_count / nullif(edited_word_count, 0), 4) as decimal(9, 4)
            ) as changed_word_share,
            p50_duration_ms,
            deployments.cost_per_million_words_minor,
            deployments.currency
        from translated
        full join deployments using (engine_id, engine_version)
    )

select *
from final
