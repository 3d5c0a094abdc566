"""What a person can see and do, whoever asks for them: the command line, the pages, the API."""

from gateway.desk.desk import Desk, Mistake
from gateway.desk.links import LinkBoard, LinkView

__all__ = ["Desk", "LinkBoard", "LinkView", "Mistake"]
