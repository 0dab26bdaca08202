"""How a runner's files come into the lake.

`safe_copy` copies them out of the staging directory; `result_validation` compares the result with
its request; `acceptance` checks the copies and returns what `accepted` declares; `intermediates`
are files that one stage leaves for the next, unread by the platform.
"""
