"""The admin server: a supervisor's health and metrics over HTTP, on a separate address."""
