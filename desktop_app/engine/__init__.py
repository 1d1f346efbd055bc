"""The engine process, which runs the model, and the client with which the program drives it.

`client.py` starts the process and sends the commands of `messages.py`; `worker.py` carries them out, in the order
that `job_queue.py` decides. The window survives the end of the engine process, whatever caused it.
`inspector.py` has pictures inspected in another process, which may be lost as well (`inspection.py`).
"""
