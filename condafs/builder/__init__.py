"""How an environment is made: by a process of its own, driven by `protocol`; the room of rattler and asyncio."""
