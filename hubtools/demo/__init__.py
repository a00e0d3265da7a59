"""The demo: a page where visitors train a model of their own posts, in three steps."""
