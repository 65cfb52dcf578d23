-- How a subscription stands beside what upserts say: since when, suspended or not, taken over by whom.
-- Nothing in rows from before.
ALTER TABLE subscription ADD COLUMN standing TEXT;
