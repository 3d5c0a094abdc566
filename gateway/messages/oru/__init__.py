"""Writing a report as ORU^R01.  Nothing of ``gateway.messages.verification`` is used here."""
