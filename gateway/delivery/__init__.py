"""Messages on their way out: a courier and its destination for each outbox queue.

``base`` says what a destination is; ``mllp``, ``mqtt`` and ``file`` are three; ``courier`` carries,
``judge`` decides what a failure means.  Nothing here knows which device a message came from.
"""
