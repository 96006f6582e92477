"""A mount seen from outside: what anybody who may use it can find there and do there, with nothing but files.

The command line and the HTTP server both stand on this floor. Everything here blocks as system calls on the mount do.
"""
