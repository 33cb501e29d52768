"""One module a family of formats that datasets leave in; `core.formats.registry` is the table of them."""
