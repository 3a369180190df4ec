"""The only home of pydicom and pynetdicom. Fits the protocols of `engine.ports`, and never imports the engine."""
