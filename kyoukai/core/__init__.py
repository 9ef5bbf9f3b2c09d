"""The contract of a backend and the HTTP/1 connection; knows no parser library and no application."""
