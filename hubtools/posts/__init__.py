"""Reading an account's posts: one module per source, all yield Account and Post."""

from hubtools.posts.post import Account, AccountPosts, Network, Post

__all__ = ["Account", "AccountPosts", "Network", "Post"]
