"""What is kept for people: tables, later audits, reports and the history. Knows `core` only."""
