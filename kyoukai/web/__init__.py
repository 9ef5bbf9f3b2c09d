"""The application: routing, handlers, hooks and errors; knows no socket."""
