"""The environment of every test: nothing of the person's own, one thread, and signals that work."""

from __future__ import annotations

import os
import signal
import tempfile

# Before huggingface_hub is imported anywhere: it reads these once. A client that may use xet
# never sends a large file by plain HTTP.
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="hubtools-hf-")
os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "0"
# One thread per worker: the models are tiny, and two workers must not compete for two cores.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["RAYON_NUM_THREADS"] = "1"
for name in ("HF_TOKEN", "HF_ENDPOINT", "HUBTOOLS_TO", "HUBTOOLS_NAMESPACE"):
    os.environ.pop(name, None)

# A parent such as nohup, or a script that runs the suite in the background, has these signals
# ignored, and so would every command that a test starts and interrupts. A handler of our own is
# reset to the default in new processes; the test run itself keeps ignoring a hangup.
_HANGUP_IGNORED = "HUBTOOLS_TESTS_IGNORE_HANGUP"
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and (
    signal.getsignal(signal.SIGHUP) is signal.SIG_IGN or os.environ.get(_HANGUP_IGNORED)
):
    os.environ[_HANGUP_IGNORED] = "1"
    signal.signal(signal.SIGHUP, lambda *_: None)
