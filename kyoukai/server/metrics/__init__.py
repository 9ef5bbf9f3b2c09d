"""Metrics: counted by each worker in memory that it shares with its supervisor, which sums and shows them.

A worker that is killed loses no count: what it has counted lies in memory that the supervisor holds, too.
"""
