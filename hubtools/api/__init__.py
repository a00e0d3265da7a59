"""The Python API: import its names from `hubtools`."""
