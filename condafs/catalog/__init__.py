"""What we remember: LMDB behind one door, every stored byte documented in `schema`."""
