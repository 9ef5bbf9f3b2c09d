"""Tools for testing applications and backends."""
