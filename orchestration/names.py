"""Names that several definitions share: jobs, pools, tags.

Belongs here: a name that two modules must agree on. Not here: keys of assets (`assets.keys`), and anything
that one module alone knows.
"""

LAND_JOB = "land"
REFRESH_JOB = "refresh"
NIGHTLY_JOB = "nightly_verification"
REPLAY_DAYS_JOB = "replay_days"
REPLAY_JOB = "replay_into_file"
DIFF_JOB = "diff_datasets"
ARCHIVE_POOL = "archive"
WAREHOUSE_POOL = "warehouse"
CURRENT = "current"
"""What is served, where a version is asked for by its number."""
