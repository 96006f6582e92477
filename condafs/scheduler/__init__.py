"""When an environment is made: intake of specifications, the queue, retries, publishing."""
