-- Who may ask: Kehu's own API keys. Only a digest of the secret is kept.
CREATE TABLE kehu.keys (
    tenant     text COLLATE "C" NOT NULL,
    id         text COLLATE "C" NOT NULL,
    name       text NOT NULL,
    digest     bytea NOT NULL,
    role       text NOT NULL,
    actor      text NOT NULL,
    own_only   boolean NOT NULL DEFAULT false, -- narrows the role to the customers whose owner is the actor
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used  date,
    PRIMARY KEY (tenant, id)
);

-- What may be asked, where only that may: documents that were trusted beforehand, by the id that clients send.
CREATE TABLE kehu.documents (
    tenant   text COLLATE "C" NOT NULL,
    id       text COLLATE "C" NOT NULL,
    document text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, id)
);
