"""Posts read from a network's public API: what anyone sees who is not logged in."""
