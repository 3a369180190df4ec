"""Plain data and rules without I/O. Imports nothing else of ours."""
