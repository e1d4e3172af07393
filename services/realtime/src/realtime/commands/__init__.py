"""What clients may ask by socket, one file a role."""
