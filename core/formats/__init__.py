"""Datasets in and out, one module a family of formats; `registry.FORMATS` is the table of them."""
