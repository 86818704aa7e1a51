"""The instruments that measure workers: parallelism and speed-up."""
