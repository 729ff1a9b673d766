"""The local Azure: one package per service, each a server that unmodified Azure SDKs can't tell from Azure."""
