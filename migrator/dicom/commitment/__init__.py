"""Storage Commitment (PS3.4 Annex J): requests, results, and the listener for those that come later."""
