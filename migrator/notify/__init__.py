"""Telling people how a run goes: e-mail and webhook, what they say, and their delivery."""
