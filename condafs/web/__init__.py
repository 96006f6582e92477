"""The same things over HTTP, for those without the mount: REST, a container registry, web pages.

`condafs serve` is a process of its own with no rights over the store. It reads the catalog read-only, and does
everything else through the mount, as its own user: writing specifications, rolling back, reading logs and exports. It
may be flooded or killed; the mount does not notice.

    server         sockets, hypercorn, the end
    application    the routes put together
    house          what they are made of: catalog, mount, tokens, streams
    access/        who asks, and what they may do
    api/           `/api/v1`, as conda-store's clients speak it, and what that lacks
    registry/      `/v2/`, the OCI distribution API
    page/          `/`, for people

No path of a request reaches the filesystem: names are parsed into `EnvironmentName`, `BuildName`, `SpecDigest` first.
"""
