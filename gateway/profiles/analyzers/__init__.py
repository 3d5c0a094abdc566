"""One module for each device model, each with a ``PROFILE``."""
