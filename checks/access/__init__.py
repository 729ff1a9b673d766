"""Who may do what in Azure, against what the code and the services do: no role too few, too many or too large."""
