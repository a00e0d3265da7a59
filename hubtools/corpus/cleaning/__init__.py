"""Which posts are trained on, and with what text. Each set of rules has a name."""

from __future__ import annotations

from hubtools.core.errors import UsageError
from hubtools.corpus.cleaning.huggingtweets import HuggingtweetsCleaning
from hubtools.corpus.cleaning.language import InLanguage, language_of
from hubtools.corpus.cleaning.rules import REPOST, Cleaning, Decision
from hubtools.corpus.cleaning.voice import VoiceCleaning


def find_cleaning(name: str = "voice", language: str | None = None) -> Cleaning:
    """The rules called `name`, limited to posts in `language` if one is given.

    Raises UsageError for an unknown name and an invalid language code.
    """
    known: dict[str, Cleaning] = {
        rules.name: rules for rules in (VoiceCleaning(), HuggingtweetsCleaning())
    }
    if name not in known:
        raise UsageError(f"unknown cleaning {name!r}", fix=f"Use one of: {', '.join(known)}")
    return known[name] if language is None else InLanguage(language_of(language), known[name])


__all__ = [
    "REPOST",
    "Cleaning",
    "Decision",
    "HuggingtweetsCleaning",
    "InLanguage",
    "VoiceCleaning",
    "find_cleaning",
]
