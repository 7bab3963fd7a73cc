"""The questions that a manager of the example company asks of the reporting dataset.

Belongs here: SQL over the published marts. Not here: the marts themselves (`dbt_project/models/marts`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """One question, and the query that answers it."""

    title: str
    sql: str


REPORTS = (
    Report(
        "Revenue per customer and month: the three largest of each currency",
        """
        WITH months AS (
            PIVOT (
                SELECT customer_id, customer_name AS customer, currency,
                    strftime(month_start_date, '%Y-%m') AS month,
                    revenue_minor / 100 AS revenue,
                    sum(revenue_minor) OVER (PARTITION BY customer_id, currency) / 100 AS total,
                FROM billing.revenue_per_customer_and_month
            ) ON month USING sum(revenue) GROUP BY customer_id, customer, currency, total
        )
        SELECT * EXCLUDE (customer_id, total), total
        FROM months
        QUALIFY row_number() OVER (PARTITION BY currency ORDER BY total DESC, customer_id) <= 3
        ORDER BY currency, total DESC
        """,
    ),
    Report(
        "Turnaround per language pair: the eight busiest",
        """
        SELECT source_language || ' > ' || target_language AS pair, service_level,
            translation_count AS translations, p50_turnaround_seconds / 60 AS p50_minutes,
            p95_turnaround_seconds / 60 AS p95_minutes, 100 * late_count / translation_count AS late_percent,
        FROM analytics.turnaround_per_language_pair
        ORDER BY translation_count DESC, pair, service_level LIMIT 8
        """,
    ),
    Report(
        "Quality per engine and version",
        """
        SELECT engine_id AS engine, engine_version AS version, translation_count AS translations,
            average_comet_score AS comet, average_rating AS rating,
            (100 * changed_word_share)::DOUBLE AS words_changed_percent, p50_duration_ms,
        FROM analytics.quality_per_engine
        ORDER BY engine, deployed_at
        """,
    ),
    Report(
        "What billing got wrong and mended, and what that changed",
        """
        SELECT subject, kind, currency, count(*) AS events, sum(before_minor) / 100 AS before,
            sum(after_minor) / 100 AS after, sum(compensation_minor) / 100 AS compensation,
        FROM billing.compensations
        GROUP BY ALL ORDER BY ALL
        """,
    ),
    Report(
        "Events that were counted and have not come: their versions are missing",
        """
        SELECT object_type || '/' || object_id AS object, first_version, last_version,
            before_at AS event_before_at, after_at AS event_after_at,
        FROM analytics.version_gaps
        WHERE finding = 'missing'
        ORDER BY ALL
        """,
    ),
)
