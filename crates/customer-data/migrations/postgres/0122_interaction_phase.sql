-- Where an interaction stands in the course of a sale, and which complaint it is about. Nothing in rows
-- from before.
ALTER TABLE interaction ADD COLUMN phase INTEGER;
ALTER TABLE interaction ADD COLUMN complaint_id TEXT COLLATE "C";
