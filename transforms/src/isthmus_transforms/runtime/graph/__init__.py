"""Graphs: a dataflow's functions as Hamilton's nodes.

`build` makes the graph, `steps` puts the nodes that a run needs in order, and `describe` turns
nodes into the graph that events and pictures show.
"""
