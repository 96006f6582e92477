"""The tree through FUSE: a thin adapter, the only room that knows pyfuse3."""
