-- What usage says beyond calls at home: roaming, and calls forwarded to other networks.
ALTER TABLE usage_summary ADD COLUMN roaming_seconds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_summary ADD COLUMN roaming_megabytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_summary ADD COLUMN forwarded_offnet_seconds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_summary ADD COLUMN forwarded_offnet_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_summary ADD COLUMN voice_count INTEGER NOT NULL DEFAULT 0;
