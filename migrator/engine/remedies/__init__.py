"""The recovery chain: each remedy a small function, in the order of `chain`."""
