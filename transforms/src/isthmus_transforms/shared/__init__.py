"""Code that several dataflows share: `plotting` turns a figure into the bytes of a file."""
