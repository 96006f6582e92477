"""Pages for people, rendered here: what is there, how it came to be, what it takes, and the few things to do about it.

    router         all routes, and the assets
    home           `/`: the environments
    environment    `/environment/<name>`, with `generations` (the timeline), `source` (the text), `using` (the commands)
    actions        its buttons
    editor         `/new`, `/environment/<name>/edit`, `/check`
    disk           `/disk`; `disk_use` has the sums
    login          `/login`, `/logout`
    documentation  `/docs`
    refusals       what went wrong, as a page
    view           who sees a page, and how it is answered: headers, templates
    pages          what all share: templates, `assets`, what `journal` tells of `people`

Everything that matters works without a script; the script adds a log that grows, copying, filtering, checking while one
types. Nothing comes from elsewhere, and nothing inline is executed (Content-Security-Policy). What changes something is
a POST form, which counts only when the browser says that it comes from here (`access.visitor`).
"""
