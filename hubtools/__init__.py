"""A small language model of your own posts, with an honest card, published on the Hub."""
