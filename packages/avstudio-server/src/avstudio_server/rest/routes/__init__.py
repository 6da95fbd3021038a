"""The routes of each noun, a router in each file."""
