"""papa-shell: the commands of a kernel from a prompt, from arguments and from scripts.

The grammar stands in `papa.line`, what a command does in the kernel. Here is what lies between: connections
(`session`), writing results (`formats`, `output`; for people `tables`, `pages`, `pager`), streams (`pump`, `records`,
`changes`; for people `human`, `narrator`), scripts and statuses, the prompt (`prompt`), and what other shells ask when
somebody presses Tab (`completing`, `completions`).
"""
