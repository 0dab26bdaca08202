"""The lake: tables, the releases that pin their versions, and the pointer to the current one.

At the bottom, `layout` says where everything lies, `clock` what time it is, `documents` reads and
writes JSON, `pins` and `schemas` are declarations, `errors` translates those of disks and of Delta,
and `parquet_writer` writes the files of tables. Above stand four rooms, each of which may import
those before it: `validation` checks data, `delta` commits versions of tables, `intake` accepts what
runners staged, `releases` publishes it.
"""
