"""The realtime edge beside Node's socket.io: `just bench edge`."""
