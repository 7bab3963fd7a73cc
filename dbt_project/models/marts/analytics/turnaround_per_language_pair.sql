with
    delivered as (select * from {{ ref("translations") }} where turnaround_seconds is not null),

    final as (
        select
            source_language,
            target_language,
            service_level,
            count(*) as translation_count,
            quantile_disc(turnaround_seconds, 0.5) as p50_turnaround_seconds,
            quantile_disc(turnaround_seconds, 0.95) as p95_turnaround_seconds,
            max(turnaround_seconds) as max_turnaround_seconds,
            count(*) filter (is_late) as late_count
        from delivered
        group by source_language, target_language, service_level
    )

select *
from final
