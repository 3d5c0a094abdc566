-- Orders that went to a reference laboratory: the number they have there, and what it was told last.
CREATE TABLE order_send_outs (
    order_id INTEGER PRIMARY KEY REFERENCES orders (id),
    destination TEXT NOT NULL,
    number TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    told INTEGER NOT NULL,
    message INTEGER NOT NULL,
    at INTEGER NOT NULL
);
