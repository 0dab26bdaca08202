"""The lake: tables, the releases that pin their versions, and the pointer to the current one.

`layout` says where everything lies, and `documents` reads and writes it as JSON; `pins` and
`schemas` are declarations, `errors` translates those of disks and of Delta. Above these stand four
rooms, of which each may import those before it: `validation` checks data, `delta` keeps versions of
tables, `intake` accepts what a runner staged, `releases` publishes it.
"""
