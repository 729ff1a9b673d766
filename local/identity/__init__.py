"""The stack's managed identity: the endpoint that DefaultAzureCredential asks, and the check the servers make."""
