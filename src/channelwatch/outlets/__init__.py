"""Where alerts go: one module each."""
