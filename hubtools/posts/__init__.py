"""Reading an account's posts: one module per source, all yield Account and Post."""

from hubtools.posts.post import Account, Network, Post, Timeline

__all__ = ["Account", "Network", "Post", "Timeline"]
