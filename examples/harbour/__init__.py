"""The made-up harbour behind examples/harbourlog.zip."""
