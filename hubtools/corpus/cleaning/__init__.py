"""Which posts are trained on, and with what text. Each set of rules has a name."""

from __future__ import annotations

from hubtools.core.errors import UsageError
from hubtools.corpus.cleaning.huggingtweets import HuggingtweetsCleaning
from hubtools.corpus.cleaning.language import InLanguage, language_of
from hubtools.corpus.cleaning.rules import REPOST, Cleaning, Decision
from hubtools.corpus.cleaning.voice import VoiceCleaning


def find_cleaning(name: str = "voice", language: str | None = None) -> Cleaning:
    """The rules `name`, for posts in `language` only when one is given.

    Raises UsageError for a name that there is not, and for what is no code of a language.
    """
    known: dict[str, Cleaning] = {
        rules.name: rules for rules in (VoiceCleaning(), HuggingtweetsCleaning())
    }
    if name not in known:
        raise UsageError(f"no cleaning {name!r}", fix=f"Known: {', '.join(known)}")
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
