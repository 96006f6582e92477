"""A guided tour on a channel of its own; the channel maker also feeds tests and benchmarks."""
