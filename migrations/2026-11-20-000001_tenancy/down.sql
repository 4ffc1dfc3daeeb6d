DROP FUNCTION search_form(text);
DROP PROCEDURE close_tenant_table(regclass, text, name);
DROP FUNCTION count_version();
DROP FUNCTION oldest_open_transaction();
DROP FUNCTION current_transaction();
REVOKE USAGE ON SCHEMA public FROM taskmed_app, taskmed_worker, taskmed_maintenance;
GRANT USAGE ON SCHEMA public TO PUBLIC;
