DROP TABLE webhook_attempts, webhook_deliveries, webhook_endpoints;
DROP FUNCTION limit_webhook_endpoints();
