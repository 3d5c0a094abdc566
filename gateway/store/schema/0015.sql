-- Which archive a destination is, and which one promised to keep an instance: another may get its name.
ALTER TABLE forward_cursors ADD COLUMN ae_title TEXT;
ALTER TABLE forwardings ADD COLUMN promised_by TEXT;
