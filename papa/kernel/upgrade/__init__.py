"""Upgrading in place: the kernel replaces itself by the code that is installed now, and keeps all that it holds."""
