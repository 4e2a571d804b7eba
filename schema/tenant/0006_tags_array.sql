-- The tags of a post are kept as a bare array: an object around each of a hundred thousand said nothing.
UPDATE post_enrichment SET data = json_extract(data, '$.tags') WHERE kind = 'tags' AND json_type(data) = 'object';
