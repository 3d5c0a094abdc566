-- Files that were taken from folders are known by the hash of their content.
CREATE INDEX transmissions_by_file ON transmissions (device, peer) WHERE protocol = 'file';
