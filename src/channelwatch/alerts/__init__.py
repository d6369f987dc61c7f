"""Whether to tell people, and in which words: pure decisions over rows."""
