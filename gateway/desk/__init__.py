"""What a person can see and do, whoever asks for them: the command line, the pages, the API."""

from gateway.desk.desk import Desk
from gateway.desk.links import LinkBoard, LinkView
from gateway.desk.mistakes import Missing, Mistake

__all__ = ["Desk", "LinkBoard", "LinkView", "Missing", "Mistake"]
