"""The run record and what is derived from records: pure data."""
