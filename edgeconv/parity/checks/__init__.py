"""What parity checks of each artifact, one module a check."""
