"""The event archive: contracts, landing, the log of commits, and views over what it names."""
