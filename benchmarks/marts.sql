-- The rival of dbt's models: one script by hand that makes the same tables from the same Parquet files, as fast as
-- DuckDB makes them. It knows this archive: one upcast is all there is, only invoices were corrected and only payments
-- voided, each once and none in vain. It says nothing of what landed when, checks nothing, and can only ever start from
-- nothing.
-- Given: the variable `events`, the folder of the archive's events; and a new database to fill.
CREATE SCHEMA billing;
CREATE SCHEMA analytics;

-- Nearly every object has one event of a type, so only the others have to be put in order.
CREATE TEMP MACRO first_of(events) AS TABLE
    WITH several AS MATERIALIZED (
        SELECT id, count(*) AS event_count FROM query_table(events) GROUP BY id HAVING count(*) > 1
    )
    SELECT *, 1 AS event_count FROM query_table(events) ANTI JOIN several USING (id)
    UNION ALL
    SELECT events.*, event_count FROM query_table(events) AS events JOIN several USING (id)
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY place) = 1;

CREATE TEMP MACRO last_of(events) AS TABLE
    WITH several AS MATERIALIZED (SELECT id FROM query_table(events) GROUP BY id HAVING count(*) > 1)
    SELECT * FROM query_table(events) ANTI JOIN several USING (id)
    UNION ALL
    SELECT * FROM query_table(events) SEMI JOIN several USING (id)
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY place DESC) = 1;

CREATE TEMP MACRO landed(type) AS TABLE
    SELECT object_id AS id, occurred_at, event_date, source, event_id, data,
        row(occurred_at, coalesce(object_version, 0), source, event_id) AS place
    FROM read_parquet(getvariable('events') || '/' || type || '/*.parquet');

CREATE TEMP VIEW requested AS
    SELECT id, place, occurred_at, event_date, data.customer_id, data.source_language, data.target_language,
        data.word_count, data.service_level, data.channel, data.wanted_by AS wanted_at
    FROM landed('translation.requested.v2')
    UNION ALL
    SELECT id, place, occurred_at, event_date, data.customer_id, split_part(data.language_pair, '>', 1),
        split_part(data.language_pair, '>', 2), data.words, data.service_level,
        CASE WHEN data.channel = 'fax' THEN 'upload' ELSE data.channel END, data.wanted_by
    FROM landed('translation.requested.v1');
CREATE TEMP VIEW machine_translated AS
    SELECT id, place, occurred_at, data.engine_id, data.engine_version, data.duration_ms
    FROM landed('translation.machine_translated.v1');
CREATE TEMP VIEW comet_scored AS
    SELECT id, place, CAST(data.score AS DECIMAL(9, 6)) AS score
    FROM landed('translation.quality_scored.v1') WHERE data.metric = 'comet';
CREATE TEMP VIEW chrf_scored AS
    SELECT id, place, CAST(data.score AS DECIMAL(9, 6)) AS score
    FROM landed('translation.quality_scored.v1') WHERE data.metric = 'chrf';
CREATE TEMP VIEW assigned AS
    SELECT id, place, occurred_at, data.editor_id FROM landed('translation.assigned.v1');
CREATE TEMP VIEW edited AS
    SELECT id, place, occurred_at, event_date, source, event_id, data.editor_id, data.started_at, data.word_count,
        data.words_changed, data.fee_minor, data.currency
    FROM landed('translation.edited.v1');
CREATE TEMP VIEW delivered AS
    SELECT id, place, occurred_at, event_date, data.customer_id, data.service_level, data.plan, data.word_count,
        data.unit_price_minor, data.price_minor, data.currency
    FROM landed('translation.delivered.v1');
CREATE TEMP VIEW cancelled AS
    SELECT id, place, occurred_at, data.customer_id, data.reason FROM landed('translation.cancelled.v1');
CREATE TEMP VIEW rated AS
    SELECT id, place, occurred_at, data.customer_id, data.score AS rating FROM landed('translation.rated.v1');

-- Few files have the columns that name what is wrong, and an archive of some days has none.
CREATE TEMP VIEW nothing_wrong AS SELECT CAST(NULL AS VARCHAR) AS corrects, CAST(NULL AS VARCHAR) AS voids WHERE FALSE;
CREATE TEMP TABLE all_issued AS
    FROM nothing_wrong UNION ALL BY NAME
    SELECT * FROM read_parquet(getvariable('events') || '/invoice.issued.v1/*.parquet', union_by_name = true);
CREATE TEMP TABLE all_paid AS
    FROM nothing_wrong UNION ALL BY NAME
    SELECT * FROM read_parquet(getvariable('events') || '/invoice.paid.v1/*.parquet', union_by_name = true);
CREATE TEMP TABLE issued AS
    SELECT one.object_id AS id, coalesce(wrong.occurred_at, one.occurred_at) AS occurred_at,
        coalesce(wrong.event_date, one.event_date) AS event_date, one.data,
        row(coalesce(wrong.occurred_at, one.occurred_at), coalesce(one.object_version, 0), one.source, one.event_id)
            AS place
    FROM all_issued AS one LEFT JOIN all_issued AS wrong ON wrong.event_id = one.corrects
    ANTI JOIN (SELECT corrects FROM all_issued WHERE corrects IS NOT NULL) AS corrected
        ON one.event_id = corrected.corrects;
CREATE TEMP TABLE paid AS
    SELECT object_id AS id, occurred_at, event_date, data,
        row(occurred_at, coalesce(object_version, 0), source, event_id) AS place
    FROM all_paid
    ANTI JOIN (SELECT voids FROM all_paid WHERE voids IS NOT NULL) AS voided ON event_id = voided.voids
    WHERE all_paid.voids IS NULL;

CREATE TEMP VIEW reminded AS SELECT * FROM landed('invoice.reminded.v1');
CREATE TEMP VIEW sent AS SELECT * FROM landed('payout.sent.v1');
CREATE TEMP VIEW registered AS SELECT * FROM landed('customer.registered.v1');
CREATE TEMP VIEW joined AS SELECT * FROM landed('editor.joined.v1');

CREATE TABLE analytics.translations AS
    SELECT
        id AS translation_id,
        coalesce(requested.customer_id, delivered.customer_id, cancelled.customer_id, rated.customer_id)
            AS customer_id,
        CASE
            WHEN delivered.occurred_at IS NOT NULL THEN 'delivered'
            WHEN cancelled.occurred_at IS NOT NULL THEN 'cancelled'
            WHEN edited.occurred_at IS NOT NULL THEN 'edited'
            WHEN assigned.occurred_at IS NOT NULL THEN 'assigned'
            WHEN machine_translated.occurred_at IS NOT NULL THEN 'machine_translated'
            ELSE 'requested'
        END AS status,
        requested.source_language,
        requested.target_language,
        coalesce(requested.service_level, delivered.service_level) AS service_level,
        requested.channel,
        requested.word_count,
        requested.occurred_at AS requested_at,
        requested.event_date AS requested_date,
        requested.wanted_at,
        machine_translated.occurred_at AS machine_translated_at,
        machine_translated.engine_id,
        machine_translated.engine_version,
        machine_translated.duration_ms AS engine_duration_ms,
        comet.score AS comet_score,
        chrf.score AS chrf_score,
        assigned.occurred_at AS assigned_at,
        coalesce(edited.editor_id, assigned.editor_id) AS editor_id,
        edited.occurred_at AS edited_at,
        edited.word_count AS edited_word_count,
        edited.words_changed AS changed_word_count,
        delivered.occurred_at AS delivered_at,
        delivered.event_date AS delivered_date,
        CAST(
            CAST(epoch_us(delivered.occurred_at) - epoch_us(requested.occurred_at) AS DECIMAL(18, 0)) * 0.000001
            AS DECIMAL(18, 6)
        ) AS turnaround_seconds,
        delivered.occurred_at > requested.wanted_at AS is_late,
        cancelled.occurred_at AS cancelled_at,
        cancelled.reason AS cancellation_reason,
        rated.occurred_at AS rated_at,
        rated.rating
    FROM (
        first_of('requested') AS requested
        FULL JOIN first_of('delivered') AS delivered USING (id)
        FULL JOIN last_of('machine_translated') AS machine_translated USING (id)
    )
    FULL JOIN (
        last_of('edited') AS edited
        FULL JOIN last_of('assigned') AS assigned USING (id)
        FULL JOIN last_of('rated') AS rated USING (id)
        FULL JOIN first_of('cancelled') AS cancelled USING (id)
        FULL JOIN last_of('comet_scored') AS comet USING (id)
        FULL JOIN last_of('chrf_scored') AS chrf USING (id)
    ) USING (id);

CREATE TABLE billing.usage AS
    SELECT id AS translation_id, customer_id, occurred_at AS delivered_at, event_date AS delivered_date, service_level,
        plan, word_count, unit_price_minor, price_minor, currency, event_count AS delivery_count
    FROM first_of('delivered');

CREATE TABLE analytics.edits AS
    SELECT source || '#' || event_id AS edit_id, id AS translation_id, editor_id, started_at, occurred_at AS edited_at,
        event_date AS edited_date, word_count, words_changed AS changed_word_count, fee_minor, currency
    FROM edited;

CREATE TABLE billing.invoices AS
    WITH payments AS (SELECT id, sum(data.amount_minor) AS paid_minor FROM paid GROUP BY id)
    SELECT
        id AS invoice_id,
        coalesce(issued.data.customer_id, paid.data.customer_id, reminded.data.customer_id) AS customer_id,
        issued.data.period_start AS period_start_date,
        issued.data.period_end AS period_end_date,
        issued.occurred_at AS issued_at,
        issued.event_date AS issued_date,
        issued.data.due_date,
        coalesce(issued.data.currency, paid.data.currency) AS currency,
        len(issued.data.lines) AS line_count,
        issued.data.total_minor,
        CAST(coalesce(paid_minor, 0) AS BIGINT) AS paid_minor,
        CAST(issued.data.total_minor - coalesce(paid_minor, 0) AS BIGINT) AS open_minor,
        paid.occurred_at AS paid_at,
        coalesce(coalesce(paid_minor, 0) >= issued.data.total_minor, FALSE) AS is_paid,
        paid.event_date > issued.data.due_date AS is_paid_late,
        coalesce(event_count, 0) AS reminder_count,
        reminded.occurred_at AS last_reminded_at
    FROM last_of('issued') AS issued
    FULL JOIN last_of('paid') AS paid USING (id)
    FULL JOIN payments USING (id)
    FULL JOIN last_of('reminded') AS reminded USING (id)
    LEFT JOIN (SELECT id, count(*) AS event_count FROM reminded GROUP BY id) AS reminders USING (id);

CREATE TABLE billing.invoice_lines AS
    WITH lines AS (SELECT id, event_date, data, unnest(data.lines) AS line FROM last_of('issued'))
    SELECT id || '#' || line.line_number AS invoice_line_id, id AS invoice_id, line.line_number, data.customer_id,
        data.period_start AS period_start_date, data.period_end AS period_end_date, event_date AS issued_date,
        line.service_level, line.plan, line.translation_count, line.word_count, line.unit_price_minor,
        line.amount_minor, data.currency
    FROM lines;

CREATE TABLE billing.payouts AS
    SELECT id AS payout_id, data.editor_id, data.period_start AS period_start_date, data.period_end AS period_end_date,
        occurred_at AS sent_at, event_date AS sent_date, data.translation_count, data.word_count, data.total_minor,
        data.currency
    FROM last_of('sent');

CREATE TEMP TABLE customer_events AS
    SELECT id, place, occurred_at, 'registered' AS verb, data.plan FROM registered
    UNION ALL
    SELECT id, place, occurred_at, 'plan_changed', data.to_plan FROM landed('customer.plan_changed.v1')
    UNION ALL
    SELECT id, place, occurred_at, 'closed', NULL FROM landed('customer.closed.v1');

CREATE TABLE billing.customers AS
    WITH states AS (
        SELECT id, arg_max(plan, place) AS plan, count(*) FILTER (verb = 'plan_changed') AS plan_change_count,
            max(occurred_at) FILTER (verb = 'closed') AS closed_at
        FROM customer_events GROUP BY id
    )
    SELECT id AS customer_id, data.name AS customer_name, data.country, data.currency, data.payment_terms_days,
        states.plan, plan_change_count, occurred_at AS registered_at, closed_at, closed_at IS NOT NULL AS is_closed
    FROM states LEFT JOIN first_of('registered') AS registered USING (id);

CREATE TABLE billing.customers_over_time AS
    WITH states AS (
        SELECT id AS customer_id, occurred_at AS valid_from_at, last_value(plan IGNORE NULLS) OVER so_far AS plan,
            coalesce(bool_or(verb = 'closed') OVER so_far, FALSE) AS is_closed
        FROM customer_events
        WINDOW so_far AS (PARTITION BY id ORDER BY place ROWS UNBOUNDED PRECEDING)
        QUALIFY row_number() OVER (PARTITION BY id, occurred_at ORDER BY place DESC) = 1
    )
    SELECT customer_id, valid_from_at,
        lead(valid_from_at) OVER (PARTITION BY customer_id ORDER BY valid_from_at) AS valid_to_at, plan, is_closed
    FROM states;

CREATE TABLE billing.reconciliation AS
    WITH delivered AS (
        SELECT customer_id, CAST(date_trunc('month', delivered_date) AS DATE) AS month_start_date, service_level, plan,
            unit_price_minor, currency, count(*) AS translations, sum(word_count) AS words, sum(price_minor) AS amount
        FROM billing.usage GROUP BY ALL
    ),
    invoiced AS (
        SELECT customer_id, CAST(date_trunc('month', period_start_date) AS DATE) AS month_start_date, service_level,
            plan, unit_price_minor, currency, sum(translation_count) AS translations, sum(word_count) AS words,
            sum(amount_minor) AS amount
        FROM billing.invoice_lines GROUP BY ALL
    ),
    compared AS (
        SELECT
            customer_id, month_start_date, service_level, plan, unit_price_minor, currency,
            CAST(coalesce(delivered.translations, 0) AS BIGINT) AS delivered_translation_count,
            CAST(coalesce(invoiced.translations, 0) AS BIGINT) AS invoiced_translation_count,
            CAST(coalesce(delivered.words, 0) AS BIGINT) AS delivered_word_count,
            CAST(coalesce(invoiced.words, 0) AS BIGINT) AS invoiced_word_count,
            CAST(coalesce(delivered.amount, 0) AS BIGINT) AS delivered_minor,
            CAST(coalesce(invoiced.amount, 0) AS BIGINT) AS invoiced_minor,
            bool_or(invoiced.amount IS NOT NULL) OVER (PARTITION BY customer_id, month_start_date) AS is_invoiced
        FROM delivered FULL JOIN invoiced
            USING (customer_id, month_start_date, service_level, plan, unit_price_minor, currency)
    )
    SELECT * EXCLUDE (is_invoiced), delivered_minor - invoiced_minor AS difference_minor,
        CASE
            WHEN delivered_minor = invoiced_minor AND delivered_word_count = invoiced_word_count THEN 'matched'
            WHEN NOT is_invoiced THEN 'not_invoiced'
            WHEN invoiced_minor > delivered_minor OR invoiced_word_count > delivered_word_count THEN 'overinvoiced'
            ELSE 'underinvoiced'
        END AS status
    FROM compared;

CREATE TABLE billing.revenue_per_customer_and_month AS
    WITH revenue AS (
        SELECT customer_id, CAST(date_trunc('month', delivered_date) AS DATE) AS month_start_date, currency,
            count(*) AS translation_count, CAST(sum(word_count) AS BIGINT) AS word_count,
            CAST(sum(price_minor) AS BIGINT) AS revenue_minor
        FROM billing.usage GROUP BY ALL
    )
    SELECT customer_id, customer_name, month_start_date, translation_count, word_count, revenue_minor, revenue.currency
    FROM revenue LEFT JOIN billing.customers USING (customer_id);

CREATE TABLE analytics.editors AS
    WITH earned AS (
        SELECT editor_id, currency, count(*) AS edit_count, sum(word_count) AS word_count,
            sum(changed_word_count) AS changed_word_count, sum(fee_minor) AS earned_minor,
            max(edited_at) AS last_edited_at
        FROM analytics.edits GROUP BY ALL
    ),
    paid_out AS (
        SELECT editor_id, currency, sum(total_minor) AS paid_out_minor FROM billing.payouts GROUP BY ALL
    ),
    joining AS (SELECT id AS editor_id, occurred_at, data FROM first_of('joined')),
    pay_currencies AS (
        SELECT editor_id, data.currency FROM joining
        UNION SELECT editor_id, currency FROM earned
        UNION SELECT editor_id, currency FROM paid_out
    )
    SELECT editor_id, currency, joining.data.name AS editor_name, joining.data.country,
        joining.occurred_at AS joined_at, coalesce(edit_count, 0) AS edit_count,
        CAST(coalesce(word_count, 0) AS BIGINT) AS word_count,
        CAST(coalesce(changed_word_count, 0) AS BIGINT) AS changed_word_count,
        last_edited_at,
        CAST(coalesce(earned_minor, 0) AS BIGINT) AS earned_minor,
        CAST(coalesce(paid_out_minor, 0) AS BIGINT) AS paid_out_minor,
        CAST(coalesce(earned_minor, 0) - coalesce(paid_out_minor, 0) AS BIGINT) AS open_minor
    FROM pay_currencies
    LEFT JOIN joining USING (editor_id)
    LEFT JOIN earned USING (editor_id, currency)
    LEFT JOIN paid_out USING (editor_id, currency);

CREATE TABLE analytics.quality_per_engine AS
    WITH deployments AS (
        SELECT id AS engine_id, data.version AS engine_version, min(occurred_at) AS deployed_at,
            arg_max(CAST(data.cost_per_million_words * 100 AS BIGINT), place) AS cost_per_million_words_minor
        FROM landed('engine.deployed.v1') GROUP BY ALL
    ),
    translated AS (
        SELECT engine_id, engine_version, count(*) AS translation_count, CAST(sum(word_count) AS BIGINT) AS word_count,
            count(comet_score) AS comet_count, avg(comet_score) AS comet_score, count(chrf_score) AS chrf_count,
            avg(chrf_score) AS chrf_score, count(rating) AS rating_count, avg(rating) AS rating,
            sum(changed_word_count) / nullif(sum(edited_word_count), 0) AS changed_word_share,
            quantile_disc(engine_duration_ms, 0.5) AS p50_duration_ms
        FROM analytics.translations WHERE engine_id IS NOT NULL GROUP BY ALL
    )
    SELECT engine_id, engine_version, deployed_at, coalesce(translation_count, 0) AS translation_count,
        coalesce(word_count, 0) AS word_count, coalesce(comet_count, 0) AS comet_count,
        CAST(round(comet_score, 4) AS DECIMAL(9, 4)) AS average_comet_score, coalesce(chrf_count, 0) AS chrf_count,
        CAST(round(chrf_score, 4) AS DECIMAL(9, 4)) AS average_chrf_score,
        coalesce(rating_count, 0) AS rating_count, CAST(round(rating, 2) AS DECIMAL(9, 2)) AS average_rating,
        CAST(round(changed_word_share, 4) AS DECIMAL(9, 4)) AS changed_word_share, p50_duration_ms,
        cost_per_million_words_minor, if(deployed_at IS NOT NULL, 'EUR', NULL) AS currency
    FROM translated FULL JOIN deployments USING (engine_id, engine_version);

CREATE TABLE analytics.turnaround_per_language_pair AS
    SELECT source_language, target_language, service_level, count(*) AS translation_count,
        quantile_disc(turnaround_seconds, 0.5) AS p50_turnaround_seconds,
        quantile_disc(turnaround_seconds, 0.95) AS p95_turnaround_seconds,
        max(turnaround_seconds) AS max_turnaround_seconds, count(*) FILTER (is_late) AS late_count
    FROM analytics.translations WHERE turnaround_seconds IS NOT NULL GROUP BY ALL;

CREATE TABLE analytics.daily_volumes AS
    WITH requested AS (
        SELECT requested_date AS volume_date, source_language, target_language, count(*) AS requested_count,
            sum(word_count) AS words, count(*) FILTER (status = 'cancelled') AS cancelled_count
        FROM analytics.translations WHERE requested_at IS NOT NULL GROUP BY ALL
    ),
    delivered AS (
        SELECT delivered_date AS volume_date, source_language, target_language, count(*) AS delivered_count,
            sum(word_count) AS words
        FROM analytics.translations WHERE requested_at IS NOT NULL AND delivered_at IS NOT NULL GROUP BY ALL
    )
    SELECT volume_date, source_language, target_language, coalesce(requested_count, 0) AS requested_count,
        CAST(coalesce(requested.words, 0) AS BIGINT) AS requested_word_count,
        coalesce(cancelled_count, 0) AS cancelled_count, coalesce(delivered_count, 0) AS delivered_count,
        CAST(coalesce(delivered.words, 0) AS BIGINT) AS delivered_word_count
    FROM requested FULL JOIN delivered USING (volume_date, source_language, target_language);

CREATE TEMP VIEW versioned AS
    SELECT object_type, object_id, object_version, row(occurred_at, source || '#' || event_id) AS event
    FROM read_parquet(getvariable('events') || '/*/*.parquet') WHERE object_version IS NOT NULL;

CREATE TABLE analytics.version_gaps AS
    WITH odd AS (
        SELECT object_type, object_id FROM versioned GROUP BY ALL
        HAVING count(*) != max(object_version)
            OR bit_count(bit_or(CAST(1 AS HUGEINT) << (least(object_version, 126) - 1))) != max(object_version)
    ),
    versions AS (
        SELECT object_type, object_id, object_version, min(event) AS first_event, max(event) AS last_event,
            count(*) AS event_count
        FROM versioned SEMI JOIN odd USING (object_type, object_id) GROUP BY ALL
    ),
    neighbours AS (
        SELECT *, lag(object_version, 1, 0) OVER in_order AS version_before, lag(last_event) OVER in_order AS before
        FROM versions WINDOW in_order AS (PARTITION BY object_type, object_id ORDER BY object_version)
    ),
    found AS (
        SELECT object_type, object_id, 'missing' AS finding, version_before + 1 AS first_version,
            object_version - 1 AS last_version, before, first_event AS after
        FROM neighbours WHERE object_version > version_before + 1
        UNION ALL
        SELECT object_type, object_id, 'repeated', object_version, object_version, first_event, last_event
        FROM versions WHERE event_count > 1
    )
    SELECT object_type, object_id, finding, first_version, last_version, before[2] AS before_event_id,
        before[1] AS before_at, after[2] AS after_event_id, after[1] AS after_at
    FROM found;

CREATE TABLE billing.compensations AS
    WITH pairs AS (
        SELECT one.source, one.event_id, 'corrects' AS kind, 'invoice' AS subject, one.object_id,
            one.corrects AS wrong_event_id, wrong.occurred_at AS wrong_at, one.occurred_at, one.event_date,
            wrong.data.total_minor AS before_minor, one.data.total_minor AS after_minor, one.data.currency
        FROM all_issued AS one JOIN all_issued AS wrong ON wrong.event_id = one.corrects
        UNION ALL
        SELECT one.source, one.event_id, 'voids', 'payment', one.object_id, one.voids, wrong.occurred_at,
            one.occurred_at, one.event_date, wrong.data.amount_minor, 0, wrong.data.currency
        FROM all_paid AS one JOIN all_paid AS wrong ON wrong.event_id = one.voids
    )
    SELECT source, event_id, kind, 'in_effect' AS status, subject, object_id, wrong_event_id AS corrected_event_id,
        wrong_event_id AS replaced_event_id, wrong_at AS corrected_at, occurred_at, event_date AS occurred_date,
        before_minor, after_minor, after_minor - before_minor AS compensation_minor, currency
    FROM pairs;
