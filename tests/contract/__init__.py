"""One suite for every PACS: the embedded and the scripted one are judged by what Orthanc and dcmqrscp do."""
