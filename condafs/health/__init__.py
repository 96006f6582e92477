"""Whether what was built is still as it was built, and what is done when it is not: check, mend, say.

problem         one thing that is wrong with a build
expected        what a build says of itself: inventory, sums, manifests
found           what stands in it
compare         the two beside each other (pure)
hashing         SHA-256 of many files, each once
check           one build, all of that
sharing         other builds that have the damaged inodes
contents        where a file can come from, if not from itself
packages        the package cache, and archives fetched anew
mend, repair    one path, and one build, put back in place
acting          root mends as the owner of what is mended
"""
