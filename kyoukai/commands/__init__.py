"""The commands of the command line, their options, and the reading of configuration files."""
