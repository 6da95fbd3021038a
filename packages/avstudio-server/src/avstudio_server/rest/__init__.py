"""The REST interface under `/api/v1`: routes for what a session can do, and one for each processor."""
