"""The demo: a page on which people make a model of their own posts, in three steps."""
