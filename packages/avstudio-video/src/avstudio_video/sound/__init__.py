"""The sound of videos: chosen, copied, decoded and encoded."""
