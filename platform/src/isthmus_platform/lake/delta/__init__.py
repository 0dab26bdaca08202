"""Delta tables: versions of files, committed without a copy."""
