"""From an account's posts to the texts a model is trained on: cleaning, redaction, splits."""
