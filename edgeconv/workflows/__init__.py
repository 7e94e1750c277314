"""One file a command: the only place that knows the order of the steps."""
