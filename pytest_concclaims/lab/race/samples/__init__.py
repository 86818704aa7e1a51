"""Samples of a race, in which its actors run freely and are made to overlap."""
