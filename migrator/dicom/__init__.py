"""The only home of pydicom and pynetdicom. Fits `engine.ports`, and never imports the engine."""
