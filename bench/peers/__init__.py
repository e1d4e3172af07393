"""The systems that ours is measured beside."""
