"""Pictures of sound: waveform, spectrogram, chroma and loudness over time, as PNG or SVG."""
