-- Images and performed steps are matched by study and accession number, whatever has piled up.
CREATE INDEX imaging_by_study ON imaging_procedures (study_uid);
CREATE INDEX imaging_by_accession ON imaging_procedures (accession);
CREATE INDEX procedure_steps_by_accession ON procedure_steps (accession);
CREATE INDEX imaging_by_step ON imaging_procedures (step);
