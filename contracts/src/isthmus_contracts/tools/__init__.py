"""What only tools need, and no run does.

- `document`: the catalog as a JSON document, and back.
- `compatibility`: the differences between two catalogs, and the versions that they require.
- `odcs`: the catalog as documents of the Open Data Contract Standard.
- `graph_svg`: the graph of a run as a drawing.
"""
