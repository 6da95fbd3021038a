"""Language models on MLX: on Apple's GPUs, and on CPUs under Linux."""
