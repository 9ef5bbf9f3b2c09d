"""The table of refusals: each request that the server refuses, why, and how to fix it."""
