"""When an environment is made: intake of specifications, what people do with builds, the queue, retries, publishing."""
