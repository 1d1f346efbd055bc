"""Downloads that survive a lost connection, a full disk and the end of the program, and are checked by SHA-256.

`queue.py` holds the jobs, `job_run.py` carries one out, `part_file.py` keeps each unfinished file with its journal.
`background_hash.py` reads the bytes back from the disk and hashes them, so that what the network or the disk got
wrong is found; only damaged stretches are fetched again. `job_folder.py` puts a finished model into the library by
one rename.
"""
