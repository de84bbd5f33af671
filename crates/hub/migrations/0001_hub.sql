-- Written in the SQL that SQLite and PostgreSQL share: TEXT and BIGINT only, times in unix milliseconds, flags 0 or 1.

-- What the hub remembers about itself: its ports.
CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE owners (
    name TEXT NOT NULL PRIMARY KEY,
    access_hash TEXT UNIQUE,              -- SHA-256 of the access token, hex; NULL: no calls over HTTPS
    created BIGINT NOT NULL
);

CREATE TABLE products (
    product_id TEXT NOT NULL PRIMARY KEY,
    secret TEXT,                          -- NULL: its cameras register with a pairing token
    created BIGINT NOT NULL
);

CREATE TABLE devices (
    product_id TEXT NOT NULL,
    device_name TEXT NOT NULL,
    camera TEXT,                          -- public key, hex; first come
    secret TEXT,                          -- base64, the key of the login's HMAC; NULL: never registered
    owner TEXT REFERENCES owners (name),
    online BIGINT NOT NULL DEFAULT 0,
    seen BIGINT NOT NULL DEFAULT 0,
    xp2p_info TEXT,
    created BIGINT NOT NULL,
    PRIMARY KEY (product_id, device_name)
);
CREATE INDEX devices_owner ON devices (owner);
CREATE INDEX devices_camera ON devices (camera);

-- Viewer keys that a camera was handed. state: 1 to be handed over, 2 confirmed, 3 to be revoked.
CREATE TABLE bindings (
    product_id TEXT NOT NULL,
    device_name TEXT NOT NULL,
    viewer TEXT NOT NULL,
    name TEXT NOT NULL,
    state BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    PRIMARY KEY (product_id, device_name, viewer)
);
CREATE INDEX bindings_state ON bindings (state);
CREATE INDEX bindings_viewer ON bindings (viewer);

-- state: 1 made, 2 reported, 3 refused, 4 bound.
CREATE TABLE tokens (
    token TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES owners (name) ON DELETE CASCADE,
    viewer TEXT NOT NULL,
    viewer_name TEXT NOT NULL,
    state BIGINT NOT NULL,
    product_id TEXT,
    device_name TEXT,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX tokens_expires ON tokens (expires);
CREATE INDEX tokens_owner ON tokens (owner, created);

CREATE TABLE properties (
    product_id TEXT NOT NULL,
    device_name TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,                  -- JSON
    updated BIGINT NOT NULL,
    PRIMARY KEY (product_id, device_name, name)
);

-- Registrations already seen, kept as long as their timestamp would be accepted again.
CREATE TABLE nonces (
    product_id TEXT NOT NULL,
    device_name TEXT NOT NULL,
    nonce TEXT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (product_id, device_name, nonce)
);
CREATE INDEX nonces_expires ON nonces (expires);
