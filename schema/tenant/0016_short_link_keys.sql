-- Half the bytes tell a tenant's pages apart as well: among a million pages two share a key once in forty million tenants.
DROP INDEX post_links_by_page;
UPDATE post_links SET page_key = substr(page_key, 1, 8) WHERE length(page_key) > 8;
CREATE INDEX post_links_by_page ON post_links (page_key, post_id) WHERE page_key IS NOT NULL;
