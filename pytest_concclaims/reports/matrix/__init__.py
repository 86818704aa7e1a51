"""The matrix of many runs, in each format."""
