"""The process: what listens, starts, logs and stops."""
