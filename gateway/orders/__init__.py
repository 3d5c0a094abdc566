"""Patients and orders from the EHR: HL7 in, acknowledged only when it is on disk."""
