"""Every picture: thumbnail, pipeline, training curves, avatars, and the text layout they share."""
