-- Up to this number a lane holds only what nothing later replaces: numbers may be missing.
ALTER TABLE lane ADD COLUMN compacted_seq BIGINT NOT NULL DEFAULT 0;
