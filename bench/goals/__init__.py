"""One module a goal, named after it; each has `GOAL` and `async def measure()`."""
