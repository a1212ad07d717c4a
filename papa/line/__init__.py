"""A command as a line of text: what the shell, its arguments and scripts, and the dashboard's ``:`` line share.

::

    text ──quoting.split──▶ words ──walk.Walk──▶ what each of them is
      ├──grammar.parse──────────▶ Line ──calls.call──▶ Call (a method of `Papa` and its arguments)
      ├──candidates.candidates──▶ what may come next, given `snapshot.Names` and a `system.System`
      ├──roles.roles────────────▶ what to colour
      └──meaning.meaning────────▶ its full form, what may follow, and what is wrong

Nothing here does I/O; `system` alone looks at the machine, and is passed in; `lookups` asks it without waiting for it.
Nothing knows of a terminal, of a connection, or of a library that is not in the standard library.
"""
