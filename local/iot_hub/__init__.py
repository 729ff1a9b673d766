"""A local IoT Hub: the devices' front door (HTTPS, MQTT) onto the telemetry hub, and their registry."""
