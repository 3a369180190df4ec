"""Verification: pure comparison, and the command against real peers."""
