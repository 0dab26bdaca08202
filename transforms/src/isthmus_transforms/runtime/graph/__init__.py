"""Graphs: a dataflow's functions as Hamilton's nodes.

`build` makes the graph, `definition` compares functions with their contract, `steps` puts the nodes
that a run needs in order, and `describe` turns nodes into the graph that events and pictures show.
`origin` finds the function behind a node, and `retries` the tags that ask for retries.
"""
