"""What every floor above stands on: settings, secrets, storage, errors and messages; imports nothing of the others."""
