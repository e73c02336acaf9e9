"""`pairtrawl export`: a run, a rebuild or a version of a data set in the forms that other tools read.

Rows stream from the shards' tables, pictures are copied by byte ranges; memory does not grow with the data set.
"""
