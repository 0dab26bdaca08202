"""Text for a person at a terminal: control characters, tables, and the outputs of a release."""
