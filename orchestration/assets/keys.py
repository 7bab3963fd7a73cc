"""The keys of the assets that several definitions name: the log, the quarantine, the published dataset.

Belongs here: a key that two modules must agree on. Not here: the keys of event types (`event_partitions`) and
of models (`dbt_translator`), and names that are no keys (`orchestration.names`).
"""

from dagster import AssetKey

LOG = AssetKey(["archive", "log"])
QUARANTINE = AssetKey(["archive", "quarantine"])
REPORTING = AssetKey(["published", "reporting"])
UNIQUE_ID = "dagster_dbt/unique_id"
"""Where the assets and checks of dbt's nodes say, in their metadata, which these are."""
