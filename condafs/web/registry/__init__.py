"""`/v2/`: a container registry to pull from, as the OCI distribution specification 1.1 has it; nothing is stored.

    routes          the endpoints
    refusals        errors in the specification's form, with its codes
    repository      what a repository's name asks for
    dynamic_path    `condafs-dynamic/python.eq.3.12/numpy`, as a specification
    dynamic         has such specifications built
    lookup          from repositories and tags to builds, in the catalog
    image           one `.oci` of the mount, open: where its blobs are
    images          those that are open, for as long as somebody pulls
    paging          lists in pages

A build's image is the `.oci` of the mount. A pull is many requests, and what a name means may change between them: the
file stays open for a while, so that the blobs of a manifest that was given out can be had.
"""
