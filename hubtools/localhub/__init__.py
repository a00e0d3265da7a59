"""The embedded Hub: the HTTP API that huggingface_hub uses, and web pages."""
