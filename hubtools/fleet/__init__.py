"""Fleets: train and publish many models listed in a manifest, and search for recipes."""
