"""The app's typed core: pure rules for telemetry and dead letters, settings, one gateway per service, the consumers."""
