"""What the GitHub Action runs beside the command: its report and its comment."""
