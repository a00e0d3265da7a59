"""No test reads the person's own Hub cache, token or configuration."""

from __future__ import annotations

import os
import tempfile

# Before huggingface_hub is imported anywhere: it reads these once. A client that may use xet
# never sends a large file by plain HTTP.
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="hubtools-hf-")
os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "0"
os.environ["OMP_NUM_THREADS"] = "1"  # tiny models: threads cost more than they give
for name in ("HF_TOKEN", "HF_ENDPOINT", "HUBTOOLS_TO", "HUBTOOLS_NAMESPACE"):
    os.environ.pop(name, None)
