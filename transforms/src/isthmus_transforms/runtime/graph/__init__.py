"""Graphs: a dataflow's functions as Hamilton's nodes, described and put in order."""
