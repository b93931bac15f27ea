"""The HTTP side: one file a resource, and the parts they share."""
