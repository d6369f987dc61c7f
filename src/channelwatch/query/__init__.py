"""One query language: parse, compile, evaluate; candidates for rules and for the archive."""
