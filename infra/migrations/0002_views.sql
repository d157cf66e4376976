-- Which builds of which views exist, how far each has followed the log, and which one answers.
-- One that was replaced stays for a while, for readers who are still at it.
CREATE TABLE kehu.builds (
    tenant     text COLLATE "C" NOT NULL,
    view       text COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    digest     text NOT NULL,
    position   bigint NOT NULL DEFAULT 0,
    serving    boolean NOT NULL,
    indexed    boolean NOT NULL DEFAULT false, -- only once it has come near the log's end for the first time
    failed     text, -- why it stopped: an event that its fold refuses
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,
    PRIMARY KEY (tenant, view, generation)
);

-- How far an import of a file has come: its first `done` rows, in the order of the import, are in the log
-- or in the first `rejects_size` bytes of its rejects file.
CREATE TABLE kehu.imports (
    tenant       text COLLATE "C" NOT NULL,
    fingerprint  text COLLATE "C" NOT NULL,
    file         text NOT NULL,
    kind         text NOT NULL,
    done         bigint NOT NULL DEFAULT 0,
    imported     bigint NOT NULL DEFAULT 0,
    repeated     bigint NOT NULL DEFAULT 0,
    rejected     bigint NOT NULL DEFAULT 0,
    rejects_size bigint NOT NULL DEFAULT 0,
    started_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    PRIMARY KEY (tenant, fingerprint)
);
