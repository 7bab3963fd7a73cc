"""Names that several definitions share: asset keys, jobs, pools.

Belongs here: a name that two modules must agree on. Not here: anything that one module alone knows.
"""

from dagster import AssetKey

LOG = AssetKey(["archive", "log"])
QUARANTINE = AssetKey(["archive", "quarantine"])
REPORTING = AssetKey(["published", "reporting"])
LAND_JOB = "land"
REFRESH_JOB = "refresh"
NIGHTLY_JOB = "nightly_verification"
REPLAY_JOB = "replay_into_file"
DIFF_JOB = "diff_datasets"
ARCHIVE_POOL = "archive"
WAREHOUSE_POOL = "warehouse"
# A run with this tag plans and reports no materializations by itself: what it says, it logs.
TELLS_ITSELF = {"dagster/defer_asset_events": "true"}
