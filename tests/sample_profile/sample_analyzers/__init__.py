"""Profiles of devices that only one clinic has."""
