"""The README of a model's repository."""

MAX_README = 2 << 20
"""Bytes above which a README is not read."""
