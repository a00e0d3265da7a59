"""Many models on one engine: a manifest of rows, each made and published as `publish` does it."""
