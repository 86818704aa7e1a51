"""The instruments that a claim gathers its evidence with; they know nothing of pytest."""
