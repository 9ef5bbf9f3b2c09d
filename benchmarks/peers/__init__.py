"""The peers' applications, one a framework. They run in an environment without Kyoukai."""
