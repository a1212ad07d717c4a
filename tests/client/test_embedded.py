"""Debug mode: a kernel in a thread of this program, as a guest."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Daemon, wait_until

import papa as library
from papa import ConnectFailed, Papa
from papa.client import embedded

from .helpers import end_process, kernel_pid

pytestmark = pytest.mark.usefixtures('both')


@pytest.fixture(autouse=True)
def _off_afterwards() -> Iterator[None]:
    yield
    library.set_debug_mode(False)


@pytest.fixture
def _single() -> None:
    library.set_debug_mode(quit_when_connection_closed=True)


@pytest.fixture
def where(folder: str) -> Iterator[str]:
    """A path whose embedded kernel, if it does not end by itself, ends with the test."""
    path = f'{folder}/embedded.sock'
    yield path
    for endpoint, kernel in list(embedded._kernels.items()):
        if endpoint.path == path:
            kernel.end()


def kernel_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith('papa kernel')]


def descriptors() -> int:
    return len(os.listdir('/proc/self/fd'))


@pytest.mark.usefixtures('_single')
class TestSingle:
    def test_it_runs_in_this_program(self, where: str) -> None:
        with Papa(where) as papa:
            assert kernel_pid(papa) == os.getpid()
            assert kernel_threads() == [f'papa kernel at {where}']
            assert all(thread.daemon for thread in threading.enumerate() if thread.name in kernel_threads())

    def test_leaving_the_block_waits_for_its_end(self, where: str) -> None:
        for _ in range(50):
            with Papa(where) as papa:
                papa.set('a', 'b')
                papa.make_socket('s', path=f'{where}.s')
            assert kernel_threads() == []
            assert not os.path.exists(where)
            assert not os.path.exists(f'{where}.lock')
            assert not os.path.exists(f'{where}.s')

    def test_each_is_empty(self, where: str) -> None:
        for _ in range(2):
            with Papa(where) as papa:
                assert (papa.list_values(), papa.list_sockets(), papa.list_processes()) == ({}, {}, {})
                papa.set('a', 'b')
                papa.make_socket('a')
                papa.make_process('a', 'true')

    def test_the_last_connection_decides(self, where: str) -> None:
        with Papa(where) as first:
            with Papa(where) as second:
                second.set('a', 'b')
            assert first.get('a') == 'b'
        assert kernel_threads() == []

    def test_a_watcher_counts(self, where: str) -> None:
        with Papa(where) as papa:
            watcher = papa.make_process('p', 'sleep', '60', watch_immediately=True)
        assert kernel_threads() == [f'papa kernel at {where}']
        with Papa(where) as papa:
            os.kill(papa.list_processes()['p']['pid'], signal.SIGKILL)
        assert kernel_threads() != []
        while watcher.read():
            pass
        wait_until(lambda: kernel_threads() == [])

    def test_leaving_by_an_exception_waits_as_well(self, where: str) -> None:
        with pytest.raises(ZeroDivisionError), Papa(where):
            raise ZeroDivisionError
        assert kernel_threads() == []

    def test_closing_and_opening_again_at_once(self, where: str) -> None:
        for number in range(200):
            papa = Papa(where)
            papa.set('a', str(number))
            assert papa.get('a') == str(number)
            papa.close()
        wait_until(lambda: kernel_threads() == [])

    @pytest.mark.blocking_only
    def test_threads_that_come_and_go(self, where: str) -> None:
        errors: list[library.Error] = []

        def client() -> None:
            try:
                for _ in range(25):
                    with Papa(where) as papa:
                        papa.set('a', 'b')
                        assert papa.get('a') == 'b'
            except library.Error as error:
                errors.append(error)

        threads = [threading.Thread(target=client) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert kernel_threads() == []

    def test_exit_if_idle(self, where: str) -> None:
        with Papa(where) as papa:
            assert papa.exit_if_idle()
        assert kernel_threads() == []

    def test_many_at_once(self, folder: str) -> None:
        clients = [Papa(f'{folder}/{number}') for number in range(20)]
        for number, papa in enumerate(clients):
            papa.set('a', str(number))
        assert [papa.get('a') for papa in clients] == [str(number) for number in range(20)]
        assert len(kernel_threads()) == 20
        for papa in clients:
            with papa:
                pass
        assert kernel_threads() == []

    def test_no_descriptor_is_left_behind(self, where: str) -> None:
        with Papa(where):
            pass
        before = descriptors()
        for _ in range(20):
            with Papa(where) as papa, papa.make_process('p', 'echo', 'x', watch_immediately=True) as watcher:
                while watcher.read():
                    pass
        assert descriptors() == before

    def test_no_pipe_is_left_behind_that_a_grandchild_holds(self, where: str) -> None:
        before = descriptors()
        grandchildren = []
        for _ in range(3):
            with Papa(where) as papa:
                with papa.make_process('p', 'sh', ('-c', 'sleep 60 & echo $!'), watch_immediately=True) as watcher:
                    while outputs := watcher.read():
                        grandchildren += [int(output.data) for output in outputs[0]]
                assert papa.list_processes() == {}  # forgotten, but its pipes are read to nowhere
        for pid in grandchildren:
            os.kill(pid, signal.SIGKILL)
        assert descriptors() == before

    def test_its_children_die_as_they_like(self, where: str) -> None:
        with Papa(where) as papa:
            pid = papa.make_process('p', 'sleep', '60')['pid']
        os.kill(pid, signal.SIGKILL)  # it lives on, as this program's child
        assert os.waitpid(pid, 0)[0] == pid

    def test_over_tcp(self, free_port: int) -> None:
        with Papa(free_port) as papa:
            papa.set('a', 'b')
            assert papa.get('a') == 'b'
        assert kernel_threads() == []

    def test_an_address_that_cannot_be_used(self, folder: str) -> None:
        with pytest.raises(library.Error, match='Cannot lock'):
            Papa(f'{folder}/none/papa.sock')
        Path(folder, 'file').write_text('precious')
        with pytest.raises(library.Error, match='is not a socket'):
            Papa(f'{folder}/file')
        assert kernel_threads() == []

    def test_not_without_autostart(self, where: str) -> None:
        with pytest.raises(ConnectFailed, match='There is no kernel'):
            Papa(where, autostart=False)
        assert kernel_threads() == []

    def test_reconnecting_never_starts_one(self, where: str) -> None:
        with Papa(where) as papa:
            pass
        with pytest.raises(ConnectFailed, match='There is no kernel'):
            papa.get('a')
        assert kernel_threads() == []

    def test_a_kernel_that_runs_already_is_used_and_stays(self, daemon: Daemon) -> None:
        with Papa(daemon.where) as papa:
            assert kernel_pid(papa) == daemon.pid
        assert daemon.process.poll() is None


class TestGuest:
    @pytest.mark.usefixtures('_single')
    def test_it_changes_nothing_of_its_host(self, where: str, folder: str) -> None:
        def state() -> tuple[object, ...]:
            umask = os.umask(0o22)
            os.umask(umask)
            return (
                [signal.getsignal(number) for number in range(1, 32)],
                [resource.getrlimit(limit) for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)],
                umask, os.getcwd(), os.environ.copy(), os.getsid(0), signal.set_wakeup_fd(-1),
            )

        before = state()
        with Papa(where) as papa:
            papa.make_socket('s', path=f'{folder}/s', umask=0o77)
            papa.make_process('p', 'true', umask=0o77, rlimits={'nofile': 64}, working_dir='/', env={'A': 'b'})
            assert state() == before
        assert state() == before

    @pytest.mark.usefixtures('_single')
    def test_it_waits_only_for_its_own_children(self, where: str) -> None:
        with subprocess.Popen(['true']) as mine, Papa(where) as papa:
            with papa.make_process('p', 'sh', ('-c', 'exit 3'), watch_immediately=True) as watcher:
                while watcher.read():
                    pass
            assert watcher.exit_code == {'p': 3}
            assert mine.wait() == 0

    @pytest.mark.usefixtures('_single')
    def test_its_children_get_nothing_of_its_host(self, where: str) -> None:
        reader, writer = os.pipe()
        os.set_inheritable(writer, True)
        try:
            with Papa(where) as papa:
                code = 'import os; print(sorted(map(int, os.listdir("/proc/self/fd"))))'
                made = papa.make_socket('s')
                command = ('-c', code, '$(socket.s.fileno)')
                with papa.make_process('p', sys.executable, command, watch_immediately=True) as watcher:
                    out = b''
                    while results := watcher.read():
                        out += b''.join(item.data for item in results[0])
            *found, listing = eval(out)
            assert found == sorted([0, 1, 2, made['fileno']]) or [*found, listing][:4] == [0, 1, 2, 3]
            assert writer not in found or writer == made['fileno']
        finally:
            os.close(reader)
            os.close(writer)

    @pytest.mark.usefixtures('_single')
    def test_it_can_be_started_in_any_thread(self, where: str) -> None:
        found: list[str | None] = []

        def client() -> None:
            with Papa(where) as papa:
                papa.set('a', 'b')
                found.append(papa.get('a'))

        thread = threading.Thread(target=client)
        thread.start()
        thread.join()
        assert found == ['b']


class TestStaying:
    def test_without_the_second_flag_it_stays(self, where: str) -> None:
        library.set_debug_mode()
        with Papa(where) as papa:
            papa.set('a', 'b')
        with Papa(where) as papa:
            assert papa.get('a') == 'b'
        assert kernel_threads() == [f'papa kernel at {where}']

    def test_it_ends_with_the_program_in_order(self, folder: str) -> None:
        code = (
            'import sys, papa\n'
            'papa.set_debug_mode()\n'
            'with papa.Papa(sys.argv[1] + "/papa.sock") as p:\n'
            '    p.make_socket("s", path=sys.argv[1] + "/s")\n'
        )
        subprocess.run([sys.executable, '-c', code, folder], check=True, timeout=20)
        assert os.listdir(folder) == []

    def test_a_program_that_is_interrupted_ends(self, folder: str) -> None:
        code = (
            'import sys, papa, signal\n'
            'papa.set_debug_mode()\n'
            'p = papa.Papa(sys.argv[1] + "/papa.sock")\n'
            'w = p.make_process("p", "sleep", "60", watch_immediately=True)\n'
            'print(p.list_processes()["p"]["pid"], flush=True)\n'
            'w.read()\n'
        )
        program = subprocess.Popen(
            [sys.executable, '-c', code, folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=20)
        os.kill(pid, signal.SIGKILL)
        assert err.rstrip().endswith('KeyboardInterrupt')
        assert os.listdir(folder) == []

    def test_switching_it_off(self, where: str) -> None:
        library.set_debug_mode()
        library.set_debug_mode(False)
        with Papa(where) as papa:
            pid = kernel_pid(papa)
            assert pid != os.getpid()
        end_process(pid)

    def test_the_second_flag_alone_means_nothing(self, where: str) -> None:
        library.set_debug_mode(False, quit_when_connection_closed=True)
        assert not embedded.is_enabled()
