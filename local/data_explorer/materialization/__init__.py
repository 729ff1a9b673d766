"""Materialized views: kept up to date in the background, and right at every moment in between."""
