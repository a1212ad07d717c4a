"""papa-shell: the commands of a kernel from a prompt, from arguments and from scripts.

The grammar stands in `papa.line`, what a command does in the kernel. Here is what lies between: connections
(`session`), writing results (`formats`, `output`), streams (`pump`, `records`), scripts and statuses.
"""
