"""When an environment goes: which builds are roots and why, who uses them, what goes and how; what takes the disk.

No files are pulled from under anybody, as far as it can be told. A collection looks at all processes right before it
deletes; a build is invisible before its files go; the daemon looks once more in between and waits while somebody uses
them. Where the daemon cannot look (in the service it is a user without rights), what begins to use a build by its own
path within the moment between the collection's look and the deletion loses it. What has been opened or mapped stays
readable to who has it in any case (unlink(2)). Not seen by anybody: a shell that was activated by itself, a virtual
environment, a kernelspec, other machines; for these there are pins, and retention that is slow.
"""
