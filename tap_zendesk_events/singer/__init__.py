"""All that is the SDK's: hooks, settings as it knows them, messages, the command line."""
