"""The version of papa, which the greeting of a kernel names."""

__version__ = '2.0.0.dev0'
