"""Benchmarks: our servers and their peers side by side, and a guard against slower code.

===============================  ================================================================
``python -m benchmarks``         servers under load, interleaved, for all workloads
``python -m benchmarks.micro``   pieces of ours, in one process, by pyperf
``python -m benchmarks.guard``   instructions a request, against a baseline that is committed
===============================  ================================================================
"""
