"""The memory in which a kernel's state is handed over: data of any size, then a record that says what it is.

It begins with a header: a mark, the number of the format, where the record is, its size and its CRC-32. Then comes the
program that goes on with it, see `papa.kernel.upgrade.stub`. Data that was
stored once is not stored again: most of it is stored while the kernel still serves, and only what is new while it does
not.
"""

from __future__ import annotations

import binascii
import mmap
import os
import struct

from papa import interpreter
from papa.kernel.state import FORMAT, Place

_HEADER = struct.Struct('<12sIQQI')
_MARK = b'papa state\n'.ljust(12, b'\0')
_WRITE_AT_ONCE = 1024 * 1024  # bytes
_STUB = interpreter.source_of('upgrade/stub.py').encode()


class Image:
    """A state that is being written. Everything raises OSError where memory or descriptors lack."""

    def __init__(self) -> None:
        self.fd = _memory()
        self._end = _HEADER.size  # of all that is stored or about to be
        self._unwritten = bytearray()  # the last part of it
        self._stored: dict[int, tuple[object, Place]] = {}  # by identity; what is held so keeps its identity
        self._stub = self.put(_STUB)
        try:
            self._write()
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        """Bytes in it."""
        return self._end

    def command(self, python: str, *words: str) -> list[str]:
        """The command line of the program that is to go on with it."""
        offset, size = self._stub
        program = f'import posix; exec(compile(posix.pread({self.fd}, {size}, {offset}), "stub.py", "exec"))'
        return interpreter.isolated(python, '-c', program, *words)

    def store(self, data: bytes | bytearray | memoryview) -> Place:
        """Store data that may be given again; it may have grown since, but not changed otherwise."""
        known = self._stored.get(id(data))
        if known is not None and known[1].size == len(data):
            return known[1]
        place = self.put(data)
        self._stored[id(data)] = data, place
        return place

    def put(self, data: bytes | bytearray | memoryview) -> Place:
        """Store data."""
        place = Place(self._end, len(data))
        if len(data) < _WRITE_AT_ONCE:
            self._unwritten += data
        else:
            self._write()
            self._write_at(place.offset, data)
        self._end += len(data)
        if len(self._unwritten) >= _WRITE_AT_ONCE:
            self._write()
        return place

    def finish(self, record: bytes) -> None:
        """Store the record; from now on the image can be read. It may be finished again with another."""
        place = self.put(record)
        self._write()
        self._write_at(0, _HEADER.pack(_MARK, FORMAT, place.offset, place.size, binascii.crc32(record)))

    def _write(self) -> None:
        data, self._unwritten = self._unwritten, bytearray()
        self._write_at(self._end - len(data), data)

    def _write_at(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        left = memoryview(data)
        while left:
            written = os.pwrite(self.fd, left, offset)
            offset += written
            left = left[written:]

    def close(self) -> None:
        """Give the memory back."""
        self._stored.clear()
        os.close(self.fd)


def _memory() -> int:
    """A file that has no name and lives in memory, where the system has that."""
    if hasattr(os, 'memfd_create'):
        return os.memfd_create('papa-state', os.MFD_CLOEXEC)
    import tempfile

    fd, path = tempfile.mkstemp(prefix='papa-state-')  # nobody else may open it
    os.unlink(path)
    return fd


class Reading:
    """A state that was written. Views of its data keep the memory for as long as they are held."""

    def __init__(self, fd: int) -> None:
        """Raises OSError or ValueError if there is none."""
        self._view = memoryview(mmap.mmap(fd, 0, access=mmap.ACCESS_READ))

    def record(self) -> memoryview:
        """The record. Raises ValueError if there is none, or not this one."""
        if len(self._view) < _HEADER.size:
            raise ValueError('it has no header')
        mark, its_format, offset, size, crc = _HEADER.unpack_from(self._view)
        if mark != _MARK:
            raise ValueError('it does not begin as a state of papa does')
        if abs(its_format - FORMAT) > 1:
            raise ValueError(f'its format is {its_format}, and this papa knows {FORMAT - 1} to {FORMAT + 1}')
        record = self.get(offset, size)
        if binascii.crc32(record) != crc:
            raise ValueError('it was not written to its end')
        return record

    def get(self, offset: int, size: int) -> memoryview:
        """Data at a place. Raises ValueError if that lies outside."""
        if not (0 <= offset <= len(self._view) and 0 <= size <= len(self._view) - offset):
            raise ValueError('data outside of it')
        return self._view[offset : offset + size]
