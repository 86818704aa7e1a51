"""The command ``concclaims``, which reads saved run records."""
