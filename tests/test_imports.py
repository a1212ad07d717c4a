"""The house rules that the source itself shows: who may import whom, and how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Daemon

PACKAGE = Path(__file__).resolve().parent.parent / 'papa'
SHELL = PACKAGE.parent / 'papa_shell'
FILES = sorted(PACKAGE.rglob('*.py'))
SHELL_FILES = sorted(SHELL.rglob('*.py'))
TUI = PACKAGE.parent / 'papa_tui'
TUI_FILES = sorted(TUI.rglob('*.py'))
MAX_LINES = 400

HOSTS_A_KERNEL = 'papa.client.embedded'
COMMANDS = ('papa.__main__', 'papa.command_line')  # run a kernel or ask one, and load what that takes when it does
PROGRAMS = {  # that are run, not imported
    'papa.__main__', 'papa.kernel.trampoline', 'papa.kernel.lookup', 'papa_shell.__main__',
}
NEED_MORE = (  # than the standard library
    'papa_shell.completions', 'papa_shell.drawing', 'papa_shell.pages', 'papa_shell.prompt', 'papa_shell.tables',
)


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


MODULES = {module_of(path): path for path in FILES}
SHELL_MODULES = {module_of(path): path for path in SHELL_FILES}
TUI_MODULES = {module_of(path): path for path in TUI_FILES}


class Import:
    """One name that a module imports. `late`: inside a function; `typing`: only for the type checker."""

    def __init__(self, name: str, late: bool, typing: bool) -> None:
        self.name = name
        self.late = late
        self.typing = typing


def is_type_checking(node: ast.stmt) -> bool:
    if not isinstance(node, ast.If):
        return False
    test = node.test
    return (isinstance(test, ast.Name) and test.id == 'TYPE_CHECKING') or (
        isinstance(test, ast.Attribute) and test.attr == 'TYPE_CHECKING'
    )


def statements(body: list[ast.stmt], late: bool = False, typing: bool = False) -> Iterator[tuple[ast.stmt, bool, bool]]:
    for node in body:
        yield node, late, typing
        for field in ('body', 'orelse', 'finalbody'):
            inner_typing = typing or (field == 'body' and is_type_checking(node))
            inner_late = late or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield from statements(getattr(node, field, []), inner_late, inner_typing)
        for handler in getattr(node, 'handlers', []):
            yield from statements(handler.body, late, typing)
        for case in getattr(node, 'cases', []):
            yield from statements(case.body, late, typing)


def imports_of(module: str) -> list[Import]:
    """All that a module imports, each as the most precise module of ours that there is."""
    path = MODULES.get(module) or SHELL_MODULES.get(module) or TUI_MODULES[module]
    found = []
    for node, late, typing in statements(ast.parse(path.read_bytes(), str(path)).body):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, late, typing) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: imports are absolute here'
            assert node.module is not None
            for alias in node.names:
                inner = f'{node.module}.{alias.name}'
                known = inner in MODULES or inner in SHELL_MODULES or inner in TUI_MODULES
                found.append(Import(inner if known else node.module, late, typing))
    return found


IMPORTS = {module: imports_of(module) for module in MODULES}
SHELL_IMPORTS = {module: imports_of(module) for module in SHELL_MODULES}
TUI_IMPORTS = {module: imports_of(module) for module in TUI_MODULES}


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(package + '.')


def test_the_reader_of_imports_sees_them_all() -> None:
    assert 'papa.wire.structured' in {i.name for i in IMPORTS['papa.wire.server']}
    assert 'papa.commands' in {i.name for i in IMPORTS['papa.wire.server']}
    assert any(i.typing for i in IMPORTS['papa.names'])
    total = sum(
        len(node.names)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    )
    assert total == sum(map(len, IMPORTS.values()))


@pytest.mark.parametrize('module', MODULES)
def test_papa_stands_on_the_standard_library_alone(module: str) -> None:
    for item in IMPORTS[module]:
        top = item.name.partition('.')[0]
        assert top == 'papa' or top in sys.stdlib_module_names, f'{module} imports {item.name}'
        if top == 'papa':
            assert item.name in MODULES, f'{module} imports {item.name}, which does not exist'


@pytest.mark.parametrize('module', MODULES)
def test_the_kernel_and_the_client_know_nothing_of_each_other(module: str) -> None:
    for item in IMPORTS[module]:
        if is_in(module, 'papa.kernel'):
            assert not is_in(item.name, 'papa.client'), f'{module} imports {item.name}'
            assert item.name != 'papa', f'{module} imports the public names, which are those of the client'
        elif module in (HOSTS_A_KERNEL, 'papa.command_line'):
            assert not is_in(item.name, 'papa.kernel') or item.late or item.typing, 'only when it hosts one'
        elif module != 'papa.__main__':
            assert not is_in(item.name, 'papa.kernel'), f'{module} imports {item.name}'


def test_what_both_stand_on_imports_neither() -> None:
    for module, items in IMPORTS.items():
        if module.count('.') == 1 and module not in (*COMMANDS, 'papa.kernel', 'papa.client'):
            above = [i.name for i in items if is_in(i.name, 'papa.kernel') or is_in(i.name, 'papa.client')]
            assert not above, f'{module} imports {above}'
        if is_in(module, 'papa.wire'):
            beside = {i.name for i in items if is_in(i.name, 'papa')}
            assert not any(is_in(name, 'papa.kernel') or is_in(name, 'papa.client') for name in beside)
            assert not {i.name for i in items} & {'socket', 'select', 'selectors', 'asyncio', 'os', 'threading'}, module


def test_a_line_of_text_needs_neither_client_nor_kernel() -> None:
    for module, items in IMPORTS.items():
        if is_in(module, 'papa.line'):
            above = [i.name for i in items if is_in(i.name, 'papa.kernel') or is_in(i.name, 'papa.client')]
            assert not above, f'{module} imports {above}'


def test_the_shell_knows_the_client_and_what_both_share_but_no_kernel() -> None:
    for module, items in SHELL_IMPORTS.items():
        for item in items:
            assert not is_in(item.name, 'papa.kernel'), f'{module} imports {item.name}'
            assert not is_in(item.name, 'papa_tui'), f'{module} imports {item.name}'
            assert item.name.partition('.')[0] != 'papa' or item.name in MODULES, f'{module} imports {item.name}'
    for module, items in IMPORTS.items():
        assert not [i.name for i in items if is_in(i.name, 'papa_shell')], f'{module} imports the shell'


PURE = ('papa_tui.model', 'papa_tui.output')  # know neither a terminal nor a connection nor a thread
TUI_LAYERS = (*PURE, 'papa_tui.feeds', 'papa_tui.widgets', 'papa_tui.screens', 'papa_tui.app')  # from below


def layer_of(module: str) -> int | None:
    return next((place for place, layer in enumerate(TUI_LAYERS) if is_in(module, layer)), None)


def test_the_dashboard_knows_the_client_and_what_both_share_but_no_kernel() -> None:
    for module, items in TUI_IMPORTS.items():
        for item in items:
            assert not is_in(item.name, 'papa.kernel'), f'{module} imports {item.name}'
            assert not is_in(item.name, 'papa_shell'), f'{module} imports {item.name}'
            assert item.name.partition('.')[0] != 'papa' or item.name in MODULES, f'{module} imports {item.name}'
    for module, items in (IMPORTS | SHELL_IMPORTS).items():
        assert not [i.name for i in items if is_in(i.name, 'papa_tui')], f'{module} imports the dashboard'


def test_each_layer_of_the_dashboard_knows_only_those_below() -> None:
    for module, items in TUI_IMPORTS.items():
        for item in items:
            above, below = layer_of(module), layer_of(item.name)
            assert above is None or below is None or below <= above, f'{module} imports {item.name}'
            if any(is_in(module, pure) for pure in PURE):
                top = item.name.partition('.')[0]
                assert top in ('papa', 'papa_tui') or top in sys.stdlib_module_names, f'{module} imports {item.name}'
                assert not is_in(item.name, 'papa.client'), f'{module} imports {item.name}'
                assert top not in ('threading', 'socket', 'asyncio', 'select'), f'{module} imports {item.name}'


SLOW = {
    'argparse', 'asyncio', 'dataclasses', 'importlib.metadata', 'prompt_toolkit', 'rich', 'subprocess', 'shutil',
    'tempfile', 'pathlib', 'typing', 'inspect', 'logging', 'difflib', 'textwrap', 'threading', 'signal',
}
ONE_SHOT = """
from papa_shell.main import run
status = run({words!r})
print()
print(status, *sys.modules)
"""


@pytest.mark.parametrize(('words', 'answer', 'needed'), [
    (('-u', '{}', 'get', 'x'), 'hello', set()),
    # An alarm bounds its wait; it hears changes, in which long values are short, and those are named tuples.
    (('--complete', 'fish', '-u', '{}', 'get', ''), 'x\thello', {'signal', 'typing'}),
])
def test_one_command_of_the_shell_loads_only_what_it_needs(
    daemon: Daemon, words: tuple[str, ...], answer: str, needed: set[str]
) -> None:
    with daemon.connect() as papa:
        papa.set('x', 'hello')
    code = ONE_SHOT.format(words=[word.format(daemon.where) for word in words])
    run = run_python(code, '-S')  # without site: what is installed may load anything
    value, *_, last = run.splitlines()
    status, *loaded = last.split()
    assert (value, status) == (answer, '0')
    assert not ((SLOW | {'shtab'}) - needed) & set(loaded)


def test_errors_imports_nothing() -> None:
    assert [i.name for i in IMPORTS['papa.errors'] if i.name != '__future__'] == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {
        module: sorted({i.name for i in items if i.name in MODULES and not i.late and not i.typing})
        for module, items in IMPORTS.items()
    }
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, ' -> '.join((*path[path.index(module):], module))
        if module not in done:
            for following in graph[module]:
                visit(following, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def run_python(code: str, *options: str) -> str:
    code = f'import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n{code}'
    run = subprocess.run(
        [sys.executable, '-I', *options, '-c', code],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_importing_papa_is_cheap() -> None:
    loaded = set(run_python('before = set(sys.modules); import papa; print(*(set(sys.modules) - before))').split())
    assert 'papa' in loaded
    assert not [name for name in loaded if is_in(name, 'papa.kernel')]
    assert not loaded & {'asyncio', 'subprocess', 'logging', 'argparse', 'typing_extensions'}


COMMAND = """
import runpy, sys
sys.argv = ['papa', *{arguments}]
try:
    runpy.run_path({package!r}, run_name='__main__')
except SystemExit:
    print(*sys.modules)
"""


@pytest.mark.parametrize(('arguments', 'not_needed'), [
    (('--version',), {'papa.kernel', 'subprocess', 'logging'}),
    (('--upgrade', '-u', '/no/such/kernel'), {'papa.kernel', 'subprocess', 'logging', 'asyncio'}),
])
def test_the_command_loads_what_it_needs(arguments: tuple[str, ...], not_needed: set[str]) -> None:
    code = COMMAND.format(arguments=arguments, package=str(PACKAGE))
    loaded = set(run_python(code).splitlines()[-1].split())
    assert 'papa' in loaded
    assert not loaded & not_needed


def loaded_by(code: str) -> set[str]:
    return set(run_python(f'{code}; import sys; print(*sys.modules)').split())


def test_what_is_tried_is_what_takes_over() -> None:
    """A module that is loaded only after exec would be tried by nobody; one that is not needed takes time."""
    takes_over = loaded_by('import papa.kernel.upgrade.resume')
    assert takes_over <= loaded_by('import papa.kernel.upgrade.rehearsal')
    extra = takes_over - loaded_by('pass')
    assert not extra & {'argparse', 'papa.command_line', 'asyncio', 'pathlib', 'ipaddress', 'papa.client.sync'}


FIRST_OF_ALL = """
import importlib, sys
for module in {modules}:
    for name in [name for name in sys.modules if name.partition('.')[0] in ('papa', 'papa_shell')]:
        del sys.modules[name]
    importlib.import_module(module)
"""


def test_every_module_can_be_the_first_to_be_imported() -> None:
    """A cycle often hides behind the order in which modules happen to be loaded."""
    modules = sorted(
        name for name in {*MODULES, *SHELL_MODULES} - PROGRAMS if not any(is_in(name, more) for more in NEED_MORE)
    )
    run_python(FIRST_OF_ALL.format(modules=modules))


@pytest.mark.parametrize('path', [*FILES, *SHELL_FILES, *TUI_FILES], ids=module_of)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) < MAX_LINES
