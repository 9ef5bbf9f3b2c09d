"""The middle storey of the contract: one request and its answer, on any wire."""
