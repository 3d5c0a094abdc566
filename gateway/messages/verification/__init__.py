"""Reading a message back and comparing it with its report.

Nothing of ``gateway.messages.oru`` and none of the escaping in ``gateway.protocols.hl7`` is used
here: what one side gets wrong, the other must find.
"""

from gateway.messages.verification.verifier import (
    Tables,
    load_tables,
    tables_of,
    take_tables,
    verify,
)

__all__ = ["Tables", "load_tables", "tables_of", "take_tables", "verify"]
