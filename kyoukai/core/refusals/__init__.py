"""The table of refusals: what the server tells clients that it does not serve, and what helps."""
