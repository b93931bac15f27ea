"""What can be asked of Bellwire, as requests: the one place that knows paths and bodies. Pure."""
