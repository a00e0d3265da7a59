"""The card of a model: its TOML file, its README, import from READMEs, and checks."""
