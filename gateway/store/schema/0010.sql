-- Numbers a destination gave the order of a report it made or found one for (ACK^R33).
CREATE TABLE report_numbers (
    report TEXT NOT NULL,
    destination TEXT NOT NULL,
    placer TEXT,
    filler TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (report, destination)
);
