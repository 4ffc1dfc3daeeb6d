DROP FUNCTION contacts_by_digits(text, text, text, boolean, text, uuid, integer);
DROP FUNCTION contacts_by_part_of_name(text, boolean, text, uuid, integer);
DROP FUNCTION like_literally(text);
DROP TABLE contact_merges, contact_consents, contact_phones, contacts;
