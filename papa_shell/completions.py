"""The completion scripts for other shells: the frame by the library shtab, what it calls by us.

Which words may come next depends on the kernel and on the words before, abbreviated or not. So shtab is told of one
kind of word, and our functions ask ``papa-shell --complete`` (`papa_shell.completing`) about each.
"""

from __future__ import annotations

import argparse

import shtab

# bash takes words apart at ":" and "=", and knows nothing of what is quoted. So ours look at the line as it was typed,
# and shtab's frame is shown one empty word. What is complete has a space already (nospace): bash would add one after
# "family=" too. Files after a ">" are left to the frame.
_BASH = """
_papa_shell_words() {
  local program=${COMP_WORDS[0]/#~\\//$HOME/}
  "$program" --complete bash "${COMP_LINE:0:$COMP_POINT}" "$_papa_shell_typed" 2>/dev/null </dev/null
}
"""
_BASH_END = """
_papa_shell() {
  if [[ $3 =~ ^[0-9\\&]*[\\<\\>]\\>?$ ]]; then
    _shtab_papa_shell "$@"
    return
  fi
  local _papa_shell_typed=$2
  local COMP_WORDS=("$1" '') COMP_CWORD=1
  _shtab_papa_shell "$@"
}

complete -o bashdefault -o nospace -F _papa_shell papa-shell
"""
# zsh quotes by itself. Its _arguments would take a word with a "-" for an option that it does not know.
_ZSH = """
_papa_shell_words() {
  local complete text note
  local -a whole open
  while IFS=$'\\t' read -r complete text note; do
    text=${${text//\\\\/\\\\\\\\}//:/\\\\:}
    if (( complete )); then whole+=("$text:$note"); else open+=("$text:$note"); fi
  done < <("${(@)_papa_shell_typed}" 2>/dev/null </dev/null)
  _describe -V 'papa-shell' whole -- open -S ''
}

functions[_papa_shell_frame]=$functions[_shtab_papa_shell]
_shtab_papa_shell() {
  local -a _papa_shell_typed=("${(Q)words[1]/#\\~\\//$HOME/}" --complete zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}")
  local -a words=(papa-shell '')
  local CURRENT=2
  _papa_shell_frame "$@"
}
"""
# fish quotes by itself, and puts no space after "=" or "/".
_FISH = """
function _papa_shell_words
  set -l words (commandline -opc)
  set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
  $program --complete fish $words[2..] (commandline -ct) 2>/dev/null </dev/null
end
"""


def script(shell: str) -> str:
    """The script for one of `papa.line.flags.SHELLS`."""
    parser = argparse.ArgumentParser('papa-shell', add_help=False)
    words = parser.add_argument('words', nargs=argparse.REMAINDER, help='word')
    words.complete = {  # type: ignore[attr-defined]
        'bash': '_papa_shell_words', 'zsh': '_papa_shell_words', 'fish': '(_papa_shell_words)',
    }
    ours = {'bash': _BASH, 'zsh': _ZSH, 'fish': _FISH}[shell]
    made: str = shtab.complete(parser, shell, preamble=ours)
    return made + _BASH_END if shell == 'bash' else made
