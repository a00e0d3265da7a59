"""Bringing repositories on a Hub in step with what is here."""
