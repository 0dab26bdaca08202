"""Code that several dataflows share.

`models` turns a model into the bytes of a file, and `plotting` a figure. Functions that two major
versions of a dataflow compute in the same way are modules here, too.
"""
