"""For tests: `command_line` runs the command as a user does."""
