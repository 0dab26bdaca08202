"""The demonstration: a stand-in for a company's database, a run, and a report of it."""
