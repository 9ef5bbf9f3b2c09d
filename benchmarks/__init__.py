"""Benchmarks: our servers and their peers, side by side in one run."""
