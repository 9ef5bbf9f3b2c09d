"""Metrics: each worker counts in memory that it shares with the supervisor, which sums and shows the counts.

A killed worker loses no counts, because the supervisor holds the memory too.
"""
