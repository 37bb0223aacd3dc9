"""Masks of a cell as controls below it: ipywidgets, an extra, imported when the first ones are shown."""
