"""AMQP 1.0 as Event Hubs speaks it: what the local server and our own receiving client share, and that client."""
