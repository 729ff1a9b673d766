"""The mathematics of KQL's series_* functions on plain arrays: no JSON text, no SQL, no KQL."""
