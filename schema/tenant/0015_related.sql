-- What makes posts belong together: the page they link to, the post they are forwards of.

-- text::link_key of the address; empty where it leads to no page of its own, NULL where it was not computed yet: the sweep does that.
ALTER TABLE post_links ADD COLUMN page_key BLOB;

CREATE INDEX post_links_by_page ON post_links (page_key, post_id) WHERE page_key IS NOT NULL;
CREATE INDEX post_links_unkeyed ON post_links (post_id) WHERE page_key IS NULL;

CREATE INDEX posts_by_origin
    ON posts (json_extract(forward_origin, '$.channel'), json_extract(forward_origin, '$.message_id'))
    WHERE forward_origin IS NOT NULL;
