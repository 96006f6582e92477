"""How an environment is made: a process of its own, driven by `protocol`; the only room that knows rattler and asyncio."""
