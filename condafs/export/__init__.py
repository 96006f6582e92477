"""How an environment leaves as one file: what is in it, where each byte comes from, and who computes them."""
