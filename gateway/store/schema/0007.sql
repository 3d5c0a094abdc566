-- What devices that take orders unasked were told of which order: 'given', then perhaps 'withdrawn'.
CREATE TABLE order_downloads (
    device TEXT NOT NULL,
    order_id INTEGER NOT NULL REFERENCES orders (id),
    label TEXT NOT NULL,
    state TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (device, order_id)
);
CREATE INDEX order_downloads_by_order ON order_downloads (order_id);
CREATE INDEX orders_by_change ON orders (updated_at, id);
