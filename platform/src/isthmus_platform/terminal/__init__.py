"""Text for a person at a terminal: tables, and the outputs of a release."""
