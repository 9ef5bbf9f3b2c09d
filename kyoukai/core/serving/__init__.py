"""The state and the services that the connections of one server share."""
