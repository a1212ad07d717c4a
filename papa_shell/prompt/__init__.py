"""The prompt of papa-shell, by prompt_toolkit. Import this only where somebody sits at a terminal.

::

    main ── loop ──┬── reader    one line typed: completion, colours, toolbar, keys, history
                   ├── executor  runs it, by the Runner that arguments and scripts have
                   ├── link      the connection that commands use
                   ├── feed      the names, by a connection and a thread of their own
                   ├── waiting   says that a command waits for the kernel
                   ├── standing  what is known of the kernel, between all of them
                   ├── room      how much of the screen is the prompt's own
                   └── dumb      lines where the terminal can do little, in the place of the reader
"""

from papa_shell.prompt.loop import main

__all__ = ['main']
