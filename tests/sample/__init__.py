"""The sample archive and the embedded PACS of the demo."""
