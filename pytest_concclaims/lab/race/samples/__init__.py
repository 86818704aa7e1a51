"""Samples of a race: its actors run freely, and are made to overlap."""
