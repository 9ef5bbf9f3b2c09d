"""What a supervisor tells of itself by HTTP, on an address of its own."""
