"""One suite for every PACS: the embedded one is judged by what Orthanc and dcmqrscp do."""
