"""Events by WebSocket: all that a session sees, those of a task, those of an agent's work."""
