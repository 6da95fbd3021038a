"""Language models of an Ollama server, through its HTTP interface."""
