"""One module per source of posts.

Each exports `SOURCE`, which says how the source is recognized, read and described; the registry
finds it there. To add a source, add a module. `hubtools.posts.source` has the types, and shows how
another package adds one.
"""
