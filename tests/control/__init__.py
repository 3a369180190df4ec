"""Steering a run."""
