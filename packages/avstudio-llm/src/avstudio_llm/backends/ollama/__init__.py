"""Language models that an Ollama server holds, by its own HTTP interface."""
