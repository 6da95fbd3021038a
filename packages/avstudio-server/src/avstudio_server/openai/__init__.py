"""OpenAI's protocol under `/v1`: a program that talks to OpenAI talks to the studio by its base URL."""
