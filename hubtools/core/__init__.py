"""What every other package stands on: errors, configuration, events, files."""
