"""Like ``file-drop``, for analyzers that write numbers with a decimal comma (``5,4``)."""

from dataclasses import replace

from gateway.profiles.analyzers.file_drop import PROFILE as FILE_DROP

PROFILE = replace(FILE_DROP, name="file-drop-comma", decimal=",")
