"""Devices to test with: recorded data played again, and a made-up fleet with its faults."""
