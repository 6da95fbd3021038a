"""What can be measured in music and speech: pulse, key, spectrum, silence, speech."""
