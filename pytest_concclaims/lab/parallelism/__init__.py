"""The instruments of workers at the same time: parallelism and speed-up."""
