"""What goes over a connection: bytes to events and back. Nothing here does I/O.

`server` is the kernel's end, `client` the client's; `structured` and `telnet` are the dialects.
"""
