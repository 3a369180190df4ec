"""The tests. They run from the project's folder and need nothing outside it but the real peers."""
