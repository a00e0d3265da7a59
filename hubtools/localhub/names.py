"""Which names, paths and sizes the local Hub accepts."""

from __future__ import annotations

import re
import unicodedata
from fnmatch import fnmatchcase

from hubtools.cards.frontmatter import dump_front_matter
from hubtools.core.errors import UsageError
from hubtools.core.repo_names import check_repo_name
from hubtools.localhub.errors import BadRequestError
from hubtools.localhub.types import SPACES, RepoId

MAX_REGULAR = 10 << 20  # bytes; larger files go to Git LFS
_MAX_PATH = 1024
_RESERVED = frozenset({"api", "datasets", "spaces", "models", "kernels", "buckets"})
_LFS_PATTERNS = (
    *("*.7z", "*.arrow", "*.bin", "*.bz2", "*.ckpt", "*.ftz", "*.gz", "*.h5", "*.joblib"),
    *("*.lfs.*", "*.mlmodel", "*.model", "*.msgpack", "*.npy", "*.npz", "*.onnx", "*.ot"),
    *("*.parquet", "*.pb", "*.pickle", "*.pkl", "*.pt", "*.pth", "*.rar", "*.safetensors"),
    *("saved_model/**/*", "*.tar.*", "*.tar", "*.tflite", "*.tgz", "*.wasm", "*.xz", "*.zip"),
    *("*.zst", "*tfevents*"),
)
_SDKS = ("gradio", "docker", "static", "streamlit")
_SPACE_TEXT = (
    "Check out the configuration reference at "
    "https://huggingface.co/docs/hub/spaces-config-reference"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def git_attributes() -> bytes:
    """The `.gitattributes` that a new repository on the Hub starts with."""
    return "".join(f"{p} filter=lfs diff=lfs merge=lfs -text\n" for p in _LFS_PATTERNS).encode()


def space_readme(name: str, sdk: object) -> bytes:
    """The `README.md` that a new Space on the Hub starts with. Raises BadRequestError."""
    if sdk not in _SDKS:
        raise BadRequestError("a Space needs an SDK", fix=f"Set sdk to one of {', '.join(_SDKS)}")
    data = {"title": name, "emoji": "🌍", "colorFrom": "blue", "colorTo": "green", "sdk": sdk}
    return f"{dump_front_matter(data)}\n{_SPACE_TEXT}\n".encode()


def belongs_to_lfs(path: str, size: int) -> bool:
    """Whether a file of `size` bytes goes to Git LFS, by its name or its size."""
    name = path.rpartition("/")[2]
    return size > MAX_REGULAR or any(
        fnmatchcase(name if "/" not in pattern else path, pattern) for pattern in _LFS_PATTERNS
    )


def check_repo_id(namespace: object, name: object, *, kind: object = "model") -> RepoId:
    """The id of a repository. Raises BadRequestError for names that no repository can have."""
    if kind not in (None, "model", "space"):
        raise BadRequestError("this Hub has only models and Spaces", fix="Use repo_type='model'")
    if not isinstance(namespace, str) or not isinstance(name, str):
        raise BadRequestError("a repository needs a namespace and a name")
    if namespace.lower() in _RESERVED:
        raise BadRequestError(f"the namespace {namespace!r} is reserved", fix="Choose another")
    try:
        prefix = SPACES if kind == "space" else ""
        return RepoId(prefix + check_repo_name(namespace), check_repo_name(name))
    except UsageError as error:
        raise BadRequestError(error.what, fix=error.fix) from error


def parse_repo_id(text: object, *, kind: object = "model") -> RepoId:
    """The id in `namespace/name`. Raises BadRequestError."""
    namespace, slash, name = str(text).partition("/")
    if not slash:
        raise BadRequestError(
            f"{str(text)[:200]!r} is not a repository id", fix="Use 'namespace/name'"
        )
    return check_repo_id(namespace, name, kind=kind)


def check_path(path: object) -> str:
    """The path of a file in a repository. Raises BadRequestError for any other path."""
    if not isinstance(path, str) or not path:
        raise BadRequestError("a path is missing")
    parts = path.split("/")
    if (
        len(path.encode("utf-8", "replace")) > _MAX_PATH
        or any(part in ("", ".", "..") or part.lower() == ".git" for part in parts)
        or "\\" in path
        or any(unicodedata.category(c) in ("Cc", "Cs") for c in path)
    ):
        raise BadRequestError(
            f"{path[:200]!r} is not a path inside a repository",
            fix="Use a relative path without '..', '.git', backslashes or control characters",
        )
    return path


def check_sha256(digest: object) -> str:
    """The digest. Raises BadRequestError unless it is a SHA-256 in lower-case hex."""
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise BadRequestError("an LFS oid must be a SHA-256 in hex")
    return digest


def clean_text(text: object, limit: int) -> str:
    """At most `limit` characters of a text, without what UTF-8 cannot encode."""
    return str(text)[:limit].encode("utf-8", "replace").decode()
