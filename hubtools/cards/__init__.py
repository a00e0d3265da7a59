"""The Card, its file, its rendering and its pictures."""
