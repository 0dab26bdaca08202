"""How a runner's files come into the lake.

`result_validation` compares the result with its request. `acceptance` returns what `accepted`
declares: files, which `safe_copy` copies out of the staging directory, and tables, which
`table_encoder` checks and writes as Parquet. It reads them as `staged_stream`, in the process that
`encoder_process` starts. `intermediates` are files that one stage leaves for the next, unread by
the platform.
"""
