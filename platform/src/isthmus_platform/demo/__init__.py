"""The demonstration: a sample database that stands in for a company's own."""
