"""The backends that ship with Kyoukai, registered by entry points as a stranger's would be."""
