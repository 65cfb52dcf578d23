-- Up to this number a lane holds only what nothing later replaces: numbers may be missing.
ALTER TABLE lane ADD COLUMN compacted_seq INTEGER NOT NULL DEFAULT 0;
