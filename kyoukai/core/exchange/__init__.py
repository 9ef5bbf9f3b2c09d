"""One request and its answer, however they are carried: the middle storey of the contract."""
