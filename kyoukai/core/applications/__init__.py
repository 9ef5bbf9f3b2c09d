"""The two forms of applications, and the adapters that answer exchanges with them."""
