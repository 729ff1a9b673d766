"""A local Event Hubs namespace: an AMQP 1.0 server that keeps every accepted event on disk."""
