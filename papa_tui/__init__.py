"""papa-tui: what a kernel holds, live, on a terminal.

::

    kernel ══ changes(every=1) ══▶ feed thread ──┐ bounded queue     ┌─▶ tables ─┐
    kernel ══ watch (peek) ══════▶ output thread ┼─────────▶ model ──┼─▶ header  ├─▶ the terminal
    /proc ───────────────────────▶ sampler ──────┘  (no terminal)    └─▶ pane ───┘
    kernel ◀═ one call at a time ═ doer thread ◀── actions ◀── keys, palette, the ``:`` line

Three layers, each of which imports only those before it:

- `papa_tui.model` knows neither terminal nor connection nor thread: rows, rates, sorting, filters, the tree, attention,
  the timeline; `papa_tui.output` is the same for lines of output: the store, the gutter, merging by capture time. The
  clock is an argument.
- `papa_tui.feeds` are the threads, each with a connection of its own. They put what they hear into a bounded queue and
  wake the UI once, however much has come: a terminal that stalls stops the drawing, not the reading.
- `papa_tui.widgets`, `papa_tui.screens` and `papa_tui.app` are what Textual needs. Tables and the pane draw line by
  line (Textual's line API): only what is on the screen costs anything. What a key does stands in one table,
  `papa_tui.actions`, which also makes the palette, the help and the footer.
"""
