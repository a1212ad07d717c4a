"""Threads that hear what the kernel and the machine have to tell, and one that does what a person wants."""
