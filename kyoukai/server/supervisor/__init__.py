"""A supervisor that starts worker processes, replaces them, and shares its addresses with them."""
