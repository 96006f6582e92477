"""condafs as a service of systemd: its units, and how they get into place and out again.

::

    units/      templates: units, users, directories, the example configuration; `@name@` stands for what a machine has
    templates   from templates to the files of one machine
    steps       what can be done to a machine, each step said before it is done
    machine     what is there: systemd, condafs itself, and whether the service's users can reach it
    settings    the part of the settings file that a service needs
    install     the steps that put a service into place and take it away
    mounter     run by the units, as root: mounts for the daemon, which may not

`cli/service.py` has the commands. Only root's commands and the units use this room; the daemon does not know it.
"""
