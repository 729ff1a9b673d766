"""How well FleetAnomalies and StuckSensors find what people have labelled, beside plain and library detectors."""
