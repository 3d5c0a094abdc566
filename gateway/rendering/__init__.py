"""Looking into image files in a process that may be killed: pictures, frames, metadata.

Files come from devices and decoders have faults; none of them runs in the gateway's own process.
``process`` is the gateway's side, ``child`` the program that it starts.
"""
