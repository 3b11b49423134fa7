"""Writers of made logs: one module for each format, one engine (``script``), one stock of names (``world``)."""
