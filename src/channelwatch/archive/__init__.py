"""The SQLite archive: schema, the one writer, read-only readers, ledger, search."""
