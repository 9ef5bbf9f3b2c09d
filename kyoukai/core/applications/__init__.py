"""Applications of every form, as what answers exchanges."""
