"""Applications of other interfaces, hosted by Kyoukai and by others, and ours on others: in one run."""
