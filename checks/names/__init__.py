"""The names of hubs, groups, containers, databases and tables stand in topology.json, and nowhere else."""
