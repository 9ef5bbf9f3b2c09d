"""What the connections of one server share."""
