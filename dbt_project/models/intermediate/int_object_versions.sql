{{ config(materialized="fact", key=["object_type", "object_id"], events="int_versioned_events") }}

with
    -- Read twice rather than stored: each time only the columns that are asked for.
    events as not materialized(select * from {{ factlog.events() }}),

    -- A bit per version tells whether they are 1, 2, 3 …, in any order and each once.
    counted as (
        select
            object_type,
            object_id,
            max(object_version) as last_version,
            count(*) as event_count,
            bit_count(
                bit_or(if(object_version <= 62, cast(1 as bigint) << (least(object_version, 62) - 1), 0))
            ) as seen_count,
            min(sequence) as first_sequence,
            max(sequence) as last_sequence
        from events
        group by object_type, object_id
    ),

    odd as (
        select object_type, object_id
        from counted
        where event_count != last_version or seen_count != last_version
    ),

    versions as (
        select
            object_type,
            object_id,
            object_version,
            min(row(occurred_at, event_id)) as first_event,
            max(row(occurred_at, event_id)) as last_event,
            count(*) filter (not is_mending) as own_count
        from events
        semi join odd using (object_type, object_id)
        group by object_type, object_id, object_version
    ),

    neighbours as (
        select
            *,
            lag(object_version, 1, 0) over in_order as version_before,
            lag(last_event) over in_order as event_before
        from versions
        window in_order as (partition by object_type, object_id order by object_version)
    ),

    found as (
        select
            object_type,
            object_id,
            'missing' as finding,
            version_before + 1 as first_version,
            object_version - 1 as last_version,
            event_before,
            first_event as event_after
        from neighbours
        where object_version > version_before + 1
        union all
        select object_type, object_id, 'repeated', object_version, object_version, first_event, last_event
        from versions
        where own_count > 1
    ),

    findings as (
        select
            object_type,
            object_id,
            list(
                struct_pack(
                    finding,
                    first_version,
                    last_version,
                    before_event_id := event_before[2],
                    before_at := event_before[1],
                    after_event_id := event_after[2],
                    after_at := event_after[1]
                )
                order by first_version
            ) as findings
        from found
        group by object_type, object_id
    ),

    final as (
        select object_type, object_id, last_version, event_count, findings, first_sequence, last_sequence
        from counted
        left join findings using (object_type, object_id)
    )

select *
from final
