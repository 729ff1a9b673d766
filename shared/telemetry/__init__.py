"""Pure: what a device message is, which device and asset it belongs to, its ids, documents and analytics events."""
