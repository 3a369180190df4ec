"""The desktop window: pages over the jobs. Only this room imports Qt; only `__main__` imports this room."""
