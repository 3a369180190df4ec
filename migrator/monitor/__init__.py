"""The page that shows a run on a phone: a small web server in a thread of its own, off unless asked for.

It reads the numbers that every face reads, and can neither slow nor end the run.
"""
