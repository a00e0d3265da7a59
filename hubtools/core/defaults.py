"""What a training run uses where nothing else is given, on the command line and in Python."""

from __future__ import annotations

DEFAULT_BASE = "openai-community/gpt2"
DEFAULT_PROMPT = "My dream is"
DEFAULT_SEED = 42
DEFAULT_CLEANING = "voice"
