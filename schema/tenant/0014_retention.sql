-- How long posts are kept, days; NULL: as the tenant has it, 0: for ever.
ALTER TABLE channels ADD COLUMN retention_days INTEGER;
