-- Views in shards, shared by processes; keys that wait; the generation that can be brought back.

ALTER TABLE kehu.builds
    ADD COLUMN columns   text[], -- of its tables; older builds have those of the declaration
    ADD COLUMN former    boolean NOT NULL DEFAULT false, -- served before the one that serves: can be brought back
    ADD COLUMN withdrawn boolean NOT NULL DEFAULT false; -- taken back: its digest is not built again by itself

-- How far each shard of a build has followed the log, and whose it is. A row belongs to the shard that a
-- stable hash of its key names; a build's own position is the lowest of its shards. Only its owner, in a
-- transaction that holds the owner's row of kehu.workers, moves a shard or writes its rows.
CREATE TABLE kehu.shards (
    tenant     text COLLATE "C" NOT NULL,
    view       text COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    shard      integer NOT NULL,
    position   bigint NOT NULL DEFAULT 0,
    owner      text COLLATE "C",
    PRIMARY KEY (tenant, view, generation, shard)
) WITH (fillfactor = 40);

INSERT INTO kehu.shards (tenant, view, generation, shard, position)
SELECT tenant, view, generation, 0, position FROM kehu.builds;
ALTER TABLE kehu.builds DROP COLUMN position;

-- Processes that follow a tenant's log. The row is the lease: its owner renews and locks it in each step;
-- who finds it expired and not locked removes it, and its shards are free. One that wakes up too late
-- does not find itself any more, and writes nothing.
CREATE TABLE kehu.workers (
    tenant      text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    lease_until timestamptz NOT NULL,
    follows     text[] NOT NULL, -- which declarations it has the code of: view and digest
    PRIMARY KEY (tenant, name)
) WITH (fillfactor = 40);

-- Keys whose fold refused an event: this one and all later ones of the key wait, the others flow on.
CREATE TABLE kehu.parked (
    tenant     text COLLATE "C" NOT NULL,
    view       text COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    key        text COLLATE "C" NOT NULL, -- as a JSON array
    shard      integer NOT NULL,
    position   bigint NOT NULL, -- of the event that was refused
    error      text NOT NULL,
    parked_at  timestamptz NOT NULL DEFAULT now(),
    retry      boolean NOT NULL DEFAULT false, -- asked for: the shard's owner tries again
    PRIMARY KEY (tenant, view, generation, key)
);
