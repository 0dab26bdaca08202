"""Delta tables.

`tables` commits files as a version of a table and says which files a version holds; `writer`
writes checked rows as such files; `columns` says which columns a version has.
"""
