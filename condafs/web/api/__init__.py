"""`/api/v1`: REST in the shape that conda-store's clients speak, and what that lacks.

Every answer of JSON is an envelope: `{"status": "ok", "data": …, "message": …}`, with `page`, `size` and `count` where
there are pages; refusals are `{"status": "error", "message": …}`. Times are UTC without a zone, as those clients
expect. Routes end in a slash there; one more or less is the same here.
"""
