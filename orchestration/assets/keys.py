"""The keys of the assets that several definitions name: the log, the quarantine, the published dataset.

Belongs here: a key, or a group of keys, that two modules must agree on. Not here: the keys of event types
(`event_partitions`) and of models (`dbt_translator`), and names that are no keys (`orchestration.names`).
"""

from dagster import AssetKey

LOG = AssetKey(["archive", "log"])
QUARANTINE = AssetKey(["archive", "quarantine"])
REPORTING = AssetKey(["published", "reporting"])
LANDING_GROUP, EVENTS_GROUP, STAGING_GROUP = "1_landing", "2_events", "3_staging"
FACTS_GROUP, REPORTS_GROUP, PUBLISHING_GROUP = "4_facts", "5_reports", "6_publishing"
"""The groups of assets, in the order of the way: Dagster lists them by name."""
UNIQUE_ID = "dagster_dbt/unique_id"
"""Where the assets and checks of dbt's nodes say, in their metadata, which these are."""
