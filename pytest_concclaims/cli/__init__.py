"""The command ``concclaims``, which reads run records."""
