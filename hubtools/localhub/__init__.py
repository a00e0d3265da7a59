"""The embedded Hub: the HTTP API that huggingface_hub speaks, and its web pages."""
