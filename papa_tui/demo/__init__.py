"""``papa-tui --demo``: a kernel of its own in a temporary folder, with some of everything worth looking at.

::

    papa-tui ──(holds a lock in the folder, and one end of a pipe)──▶ keeper: an embedded kernel ──▶ programs

The keeper ends when the pipe does, however papa-tui has ended; the programs end when their parent is another than the
keeper. Whoever is killed in the middle leaves a folder at most, whose lock is free: the next demo removes it.
"""
